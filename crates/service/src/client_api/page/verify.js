// Checks a certificate in this browser: what `mpcstats certificate verify` checks, but for which results are withheld where some
// are and some are not. That follows from the ranges and masks of a plan, which this page does not work out: it checks how many.
//
// Trust starts at the survey's id. The survey is signed by its organiser and names the three parties' keys;
// the certificate holds the parties' signatures over one statement, and the three components of the result. The
// results are decoded from the components here, and have to be the ones that the page shows.

import { decode, difference } from "./decode.js";
import { approximate, decimalText } from "./number.js";

const encoder = new TextEncoder();

/** The JSON of RFC 8785: keys sorted by UTF-16 units, numbers and strings as ECMAScript writes them. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
    return `{${entries.join(",")}}`;
  }
  return JSON.stringify(value);
}

export function fromHex(text) {
  if (typeof text !== "string" || text.length % 2 || !/^[0-9a-f]*$/.test(text)) throw new Error("not hexadecimal");
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function concat(parts) {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function u64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number), true);
  return bytes;
}

/** The id of a value: SHA-256 of its canonical JSON. */
export async function idOf(value) {
  return sha256(encoder.encode(canonical(value)));
}

async function signed(key, purpose, id, signature) {
  const publicKey = await crypto.subtle.importKey("raw", fromHex(key), "Ed25519", false, ["verify"]);
  const message = concat([encoder.encode(`${purpose}\n`), id]);
  return crypto.subtle.verify("Ed25519", publicKey, fromHex(signature), message);
}

/** Each part is preceded by its label and both lengths, so that no two lists of parts collide. */
function transcript(name, parts) {
  const framed = (bytes) => concat([u64(bytes.length), bytes]);
  return concat([
    framed(encoder.encode(name)),
    ...parts.flatMap(([label, bytes]) => [framed(encoder.encode(label)), framed(bytes)]),
  ]);
}

/** The digest of component `j`, salted so that a result of few bits cannot be searched for. */
export async function componentDigest(j, component) {
  return sha256(transcript("mpcstats/rep3/component/v1", [
    ["component", u64(j)],
    ["salt", fromHex(component.salt)],
    ["bytes", fromHex(component.bytes)],
  ]));
}

/** A public key of RFC 8032 §7.1, to try out whether this browser takes any. */
const SAMPLE_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/** Whether this browser can check signatures: an old one cannot, and none can on a page that came without TLS. */
export async function able() {
  try {
    await crypto.subtle.importKey("raw", fromHex(SAMPLE_KEY), "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong, in words for the reader. */
function ensure(holds, wrong) {
  if (!holds) throw new Error(wrong);
}

const MEMBERS = {
  survey: ["body", "signature", "signer"],
  certificate: ["components", "signatures", "statement", "version"],
  statement: ["components", "consumer", "count", "dataset_root", "epochs", "leaks", "plan", "release", "self_reported", "session",
    "survey", "tests", "version"],
  component: ["bytes", "salt"],
};

/** That an object has the members that version 1 has, and no others: what nobody looks at says nothing. */
function whole(kind, value) {
  const members = Object.keys(value).sort().join(", ");
  ensure(members === MEMBERS[kind].join(", "), `the ${kind} has the members ${members}`);
}

function formChecks(survey, certificate) {
  const { statement, signatures, components } = certificate;
  return [["Survey and certificate are of version 1, and whole", async () => {
    ensure(survey.body.version === 1 && certificate.version === 1 && statement.version === 1, "they are of another version");
    whole("survey", survey);
    whole("certificate", certificate);
    whole("statement", statement);
    ensure(components.length === 3 && signatures.length === 3, "there have to be three components and three signatures");
    components.forEach((component) => whole("component", component));
    ensure(components.every(({ salt }) => fromHex(salt).length === 32), "a salt is of another length");
  }]];
}

const minimumOf = (survey) => survey.body.policy.limits?.minimum ?? 10;

/** What the page shows of a survey, from its definition. */
function described({ body }) {
  const plans = body.plans.map(({ name, description = "" }) => ({ name, description }));
  const { title, description, opens_at: opens, closes_at: closes } = body;
  return { title, description, parties: body.parties.map((party) => party.name), opens, closes, plans };
}

/** The same, as it is shown. */
function shown({ title, description, parties, opens_at: opens, closes_at: closes, plans }) {
  return { title, description, parties, opens, closes, plans };
}

/** That this is the survey that the reader came for, and the statement one about it. */
function surveyChecks(view, survey, statement) {
  return [
    [`The survey is the one with id ${view.id.slice(0, 12)}…`, async () =>
      ensure(toHex(await idOf(survey.body)) === view.id, "its definition has another hash")],
    ["The survey is signed by its organiser", async () =>
      ensure(await signed(survey.signer, "mpcstats/survey/v1", await idOf(survey.body), survey.signature), "the signature is wrong")],
    ["The page shows the survey's own words, parties, plans and times", async () => {
      const [own, other] = [described(survey), shown(view)];
      const part = Object.keys(own).find((name) => canonical(own[name]) !== canonical(other[name] ?? null));
      ensure(part === undefined, `not the survey's ${part}`);
      ensure(view.status.minimum === minimumOf(survey), "not the survey's minimum");
    }],
    ["The statement is about this survey", async () => ensure(statement.survey === view.id, "it names another")],
    ["The statement says which fields are not proven, as the survey does", async () => {
      const unproven = survey.body.fields.filter((field) => field.self_reported).map((field) => field.name);
      ensure(canonical(statement.self_reported) === canonical(unproven), "it names others");
      return unproven.length ? unproven.join(", ") : "each is proven";
    }],
    ["At least the minimum of accounts is behind it", async () => {
      const minimum = minimumOf(survey);
      ensure(statement.count >= minimum, `${statement.count} where the survey asks for ${minimum}`);
      return `${statement.count}; the minimum is ${minimum}`;
    }],
  ];
}

/** That the parties signed it, and that of each component both holders signed for the same bytes. */
async function signatureChecks(survey, certificate) {
  const { statement, signatures, components } = certificate;
  const id = await idOf(statement);
  return [
    ...survey.body.parties.map((party, index) => [`${party.name} signed the statement`, async () =>
      ensure(await signed(party.identity, "mpcstats/release/v1", id, signatures[index]), "the signature is wrong")]),
    ["Each component of the result is the one that both of its holders signed for", async () => {
      for (const [j, component] of components.entries()) {
        const digest = toHex(await componentDigest(j, component));
        ensure(digest === statement.components[j], `component ${j} is another one`);
      }
    }],
  ];
}

function words({ path, unit, number }) {
  if (number.none) return `${path.join(" ")} withheld`;
  const value = decimalText(number) ?? new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(approximate(number));
  return `${path.join(" ")} ${value}${unit ? ` ${unit}` : ""}`;
}

/** The plan that a statement is about: one that the survey lists. */
async function planOf(survey, statement) {
  for (const named of survey.body.plans) {
    if (toHex(await idOf(named.plan)) === statement.plan) return named;
  }
  throw new Error("it is none of the survey's");
}

/** That the components add up to the numbers shown. */
function resultChecks(survey, certificate, release) {
  const { statement } = certificate;
  let named;
  let decoded;
  return [
    ["The plan is one that the survey lists", async () => {
      named = await planOf(survey, statement);
      return named.name;
    }],
    ["The three components add up, and decode to results of this plan", async () => {
      ensure(named, "there is no plan to decode them by");
      const components = certificate.components.map((component) => fromHex(component.bytes));
      decoded = decode(named.plan, certificate, components, release.results);
      const list = decoded.results.slice(0, 12).map(words).join(", ");
      const withheld = decoded.partly ? ". Which of them are withheld is the server's word; the command below works it out" : "";
      return `${decoded.opened} numbers put together: ${list}${decoded.results.length > 12 ? ", …" : ""}${withheld}`;
    }],
    ["The page shows these results and no others", async () => {
      ensure(decoded, "they could not be put together");
      const wrong = decoded.results.map((result, index) => difference(result, release.results[index])).find((text) => text);
      ensure(wrong === undefined, wrong);
      ensure(release.results.length === decoded.results.length, "more is shown than was decoded");
      const head = ["release", "count", "epochs"].find((name) => String(release[name]) !== String(statement[name]));
      ensure(head === undefined && release.plan === named.name, `the ${head ?? "plan"} shown is another`);
    }],
  ];
}

/**
 * Runs every check in order and reports each: `report(text, promise)`; the promise gives `{ held, note }`. Resolves to
 * whether all held.
 *
 * `view` is the survey as the page shows it, whose id is what the reader came for; `survey` the signed survey; `certificate`
 * what is to be checked; `release` what the page shows of it.
 */
export async function verify(view, survey, certificate, release, report) {
  const checks = [
    ...formChecks(survey, certificate),
    ...surveyChecks(view, survey, certificate.statement),
    ...await signatureChecks(survey, certificate),
    ...resultChecks(survey, certificate, release),
  ];
  let all = true;
  for (const [text, check] of checks) {
    const outcome = check().then((note) => ({ held: true, note }), (error) => ({ held: false, note: error.message }));
    report(text, outcome);
    all = (await outcome).held && all;
  }
  return all;
}
