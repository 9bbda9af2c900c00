// What may be wrong with a certificate: the list that the page and `mpcstats certificate verify` both have to refuse.

import { createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";

/** The order of the group of Ed25519: adding it to a signature's second half gives the same point (RFC 8032 §5.1.7 forbids it). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
/** The first number that is no element of the field of results, as the parties encode numbers. */
const PRIME = "ffffffffffffffffffffffffffffff7f";

const flipped = (hex) => (hex[0] === "0" ? "1" : "0") + hex.slice(1);
const swapped = (list, i, j) => list.map((_, index) => list[index === i ? j : index === j ? i : index]);

/** Every place in a JSON value: a list of members' names. */
function* places(value, path = []) {
  yield path;
  if (value === null || typeof value !== "object") return;
  for (const [name, member] of Object.entries(value)) yield* places(member, [...path, name]);
}

const at = (value, path) => path.reduce((inner, name) => inner[name], value);

/** A copy in which `change` has altered what lies at `path`. */
function edited(value, path, change) {
  if (!path.length) return change(structuredClone(value));
  const copy = structuredClone(value);
  const around = at(copy, path.slice(0, -1));
  around[path.at(-1)] = change(around[path.at(-1)]);
  return copy;
}

/** What can be altered in one value: names and changes. */
function changes(value) {
  if (typeof value === "number") return [["one more", (n) => n + 1], ["as text", String]];
  if (typeof value === "boolean") return [["the contrary", (held) => !held]];
  if (typeof value === "string") return [["another", flipped], ["cut short", (text) => text.slice(2)], ["empty", () => ""], ["null", () => null]];
  const added = ["one more", (list) => [...list, list.at(-1) ?? "x"]];
  if (Array.isArray(value)) return value.length ? [added, ["one less", (list) => list.slice(0, -1)]] : [added];
  const without = (name) => [`without ${name}`, ({ [name]: _, ...rest }) => rest];
  return [["a member more", (object) => ({ ...object, extra: 1 })], ...Object.keys(value).map(without)];
}

/** Each member of the certificate, altered. */
function memberByMember(certificate) {
  return [...places(certificate)].flatMap((path) => changes(at(certificate, path))
    .filter(([, change]) => JSON.stringify(change(at(certificate, path))) !== JSON.stringify(at(certificate, path)))
    .map(([what, change]) => ({ what: `${path.join(".") || "the whole"}: ${what}`, certificate: edited(certificate, path, change) })));
}

/** The secret key with this seed (RFC 8410 §7). */
function secretKey(seed) {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(seed, "hex")]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function publicKey(seed) {
  return Buffer.from(createPublicKey(secretKey(seed)).export({ format: "jwk" }).x, "base64url").toString("hex");
}

/** Signs as a party with this seed would. */
function signature(seed, id, purpose = "mpcstats/release/v1") {
  return sign(null, Buffer.concat([Buffer.from(`${purpose}\n`), id]), secretKey(seed)).toString("hex");
}

/** The same signature with another second half. */
function malleated(hex) {
  const half = BigInt(`0x${Buffer.from(hex.slice(64), "hex").reverse().toString("hex")}`) + ORDER;
  return hex.slice(0, 64) + Buffer.from(half.toString(16).padStart(64, "0"), "hex").reverse().toString("hex");
}

/**
 * The list: each with `what`, and the texts of a `certificate` and of a signed `survey` of which one is wrong. The first is not:
 * it is signed again, and shows that this file signs as parties do.
 *
 * `certificate` is of the newest release and `older` of the one before, of the same plan; `other` is of another plan. `seeds` are the
 * parties' secret keys, so that statements can be altered and signed again: what three parties sign together is still refused
 * where it does not fit the survey. `page` gives the page's own hashes.
 */
export async function alterations({ certificate, older, other, survey, seeds, page }) {
  const signed = async (altered, keys = seeds, purpose) => {
    const id = await page.idOf(altered.statement);
    return { ...altered, signatures: keys.map((seed) => signature(seed, id, purpose)) };
  };
  const stated = (members) => signed({ ...certificate, statement: { ...certificate.statement, ...members } });
  const withComponents = async (change) => {
    const components = certificate.components.map(change);
    const digests = await Promise.all(components.map(async (component, j) => page.toHex(await page.componentDigest(j, component))));
    return signed({ ...certificate, components, statement: { ...certificate.statement, components: digests } });
  };
  const stranger = () => randomBytes(32).toString("hex");
  const { statement, signatures, components } = certificate;
  const pairs = [[0, 1], [1, 2], [0, 2]];
  const text = JSON.stringify(certificate);
  return [
    { what: "signed again", certificate: await signed(certificate) },
    ...memberByMember(certificate),
    ...pairs.map(([i, j]) => ({ what: `signatures ${i} and ${j}, swapped`,
      certificate: { ...certificate, signatures: swapped(signatures, i, j) } })),
    ...pairs.map(([i, j]) => ({ what: `components ${i} and ${j}, swapped`,
      certificate: { ...certificate, components: swapped(components, i, j) } })),
    ...pairs.map(([i, j]) => ({ what: `components ${i} and ${j}, swapped with their digests`, certificate: {
      ...certificate, components: swapped(components, i, j), statement: { ...statement, components: swapped(statement.components, i, j) } } })),
    ...[0, 1, 2].map((i) => ({ what: `signature ${i}, with another second half`,
      certificate: { ...certificate, signatures: signatures.map((hex, index) => (index === i ? malleated(hex) : hex)) } })),
    ...await Promise.all([0, 1, 2].map(async (i) => ({ what: `party ${i}'s signature by a stranger`,
      certificate: await signed(certificate, seeds.map((seed, index) => (index === i ? stranger() : seed))) }))),
    { what: "signed by strangers", certificate: await signed(certificate, [stranger(), stranger(), stranger()]) },
    { what: "signed three times by one party", certificate: await signed(certificate, [seeds[0], seeds[0], seeds[0]]) },
    { what: "signed for another purpose", certificate: await signed(certificate, seeds, "mpcstats/batch/v1") },
    { what: "an older release, replayed", certificate: older },
    { what: "an older release under this number", certificate: edited(older, ["statement", "release"], () => statement.release) },
    { what: "an older statement and its signatures", certificate: { ...older, components } },
    { what: "an older release's components", certificate: { ...certificate, components: older.components } },
    { what: "another plan's certificate", certificate: other },
    { what: "signed by all: another survey", certificate: await stated({ survey: flipped(statement.survey) }) },
    { what: "signed by all: another plan", certificate: await stated({ plan: flipped(statement.plan) }) },
    { what: "signed by all: another listed plan", certificate: await stated({ plan: other.statement.plan }) },
    { what: "signed by all: too few accounts", certificate: await stated({ count: 2 }) },
    { what: "signed by all: other fields not proven", certificate: await stated({ self_reported: ["eth_free"] }) },
    { what: "signed by all: a later version", certificate: await stated({ version: 2 }) },
    { what: "signed by all: a member more", certificate: await stated({ extra: 1 }) },
    { what: "signed by all: a number more", certificate: await withComponents(({ salt, bytes }) => ({ salt, bytes: bytes + "00".repeat(16) })) },
    { what: "signed by all: a number less", certificate: await withComponents(({ salt, bytes }) => ({ salt, bytes: bytes.slice(32) })) },
    { what: "signed by all: half a number less", certificate: await withComponents(({ salt, bytes }) => ({ salt, bytes: bytes.slice(16) })) },
    { what: "signed by all: components of other lengths",
      certificate: await withComponents(({ salt, bytes }, j) => ({ salt, bytes: j ? bytes : bytes.slice(32) })) },
    { what: "signed by all: no element of the field", certificate: await withComponents(({ salt, bytes }) => ({ salt, bytes: PRIME + bytes.slice(32) })) },
    { what: "cut short", text: text.slice(0, text.length / 2) },
    { what: "with something after it", text: `${text}{}` },
    { what: "nothing", text: "" },
    { what: "null", text: "null" },
    { what: "a list", text: `[${text}]` },
    { what: "nested too deep", text: "[".repeat(100_000) },
    { what: "the survey: another title", survey: edited(survey, ["body", "title"], (title) => `${title}!`) },
    { what: "the survey: a smaller minimum", survey: edited(survey, ["body", "policy", "limits", "minimum"], () => 1) },
    { what: "the survey: parties swapped", survey: edited(survey, ["body", "parties"], (parties) => swapped(parties, 0, 1)) },
    { what: "the survey: another signature", survey: edited(survey, ["signature"], flipped) },
    { what: "the survey: another signer", survey: edited(survey, ["signer"], flipped) },
    { what: "the survey: a member more", survey: { ...survey, extra: 1 } },
    await takenOver(survey, certificate, page),
  ].map(({ what, certificate: wrong = certificate, text: whole, survey: of = survey }) =>
    ({ what, certificate: whole ?? JSON.stringify(wrong), survey: JSON.stringify(of) }));
}

/** A survey of the same words by strangers, who have signed everything in it. */
async function takenOver(survey, certificate, page) {
  const seeds = [0, 1, 2, 3].map(() => randomBytes(32).toString("hex"));
  const body = edited(survey.body, ["parties"], (parties) => parties.map((party, index) => ({ ...party, identity: publicKey(seeds[index]) })));
  const id = await page.idOf(body);
  const statement = { ...certificate.statement, survey: page.toHex(id) };
  const stated = await page.idOf(statement);
  return {
    what: "a survey of the same words by strangers",
    survey: { body, signer: publicKey(seeds[3]), signature: signature(seeds[3], id, "mpcstats/survey/v1") },
    certificate: { ...certificate, statement, signatures: seeds.slice(0, 3).map((seed) => signature(seed, stated)) },
  };
}
