// Checks a certificate in this browser: the same checks that `mpcstats certificate verify` makes.
//
// Trust starts at the survey's id. The survey is signed by its organiser and names the three parties' keys;
// the certificate holds the parties' signatures over one statement, and the three components of the result.

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
async function componentDigest(j, component) {
  return sha256(transcript("mpcstats/rep3/component/v1", [
    ["component", u64(j)],
    ["salt", fromHex(component.salt)],
    ["bytes", fromHex(component.bytes)],
  ]));
}

/**
 * Runs every check in order and reports each: `report(text, promise)`. Resolves to whether all held.
 *
 * `surveyId` is what the reader came for; `survey` the signed survey; `certificate` what is to be checked.
 */
export async function verify(surveyId, survey, certificate, report) {
  const statement = certificate.statement;
  const id = await idOf(statement);
  const checks = [
    [`The survey is the one with id ${surveyId.slice(0, 12)}…`, async () =>
      toHex(await idOf(survey.body)) === surveyId],
    ["The survey is signed by its organiser", async () =>
      signed(survey.signer, "mpcstats/survey/v1", await idOf(survey.body), survey.signature)],
    ["The statement is about this survey", async () => statement.survey === surveyId],
    ["The plan is one that the survey lists", async () => {
      const plans = await Promise.all(survey.body.plans.map(async (named) => toHex(await idOf(named.plan))));
      return plans.includes(statement.plan);
    }],
    ["At least the minimum of accounts is behind it", async () =>
      statement.count >= (survey.body.policy.limits?.minimum ?? 10)],
    ...survey.body.parties.map((party, index) => [
      `${party.name} signed the statement`,
      async () => signed(party.identity, "mpcstats/release/v1", id, certificate.signatures[index]),
    ]),
    ["The three components of the result are the ones that the parties signed", async () => {
      const digests = await Promise.all(certificate.components.map((component, j) => componentDigest(j, component)));
      return digests.length === 3 && digests.every((digest, j) => toHex(digest) === statement.components[j]);
    }],
    ["The components have one length, so that they add up to one result", async () => {
      const [a, b, c] = certificate.components.map((component) => component.bytes.length);
      return a === b && b === c && a > 0;
    }],
  ];
  let all = true;
  for (const [text, check] of checks) {
    const outcome = check().catch(() => false);
    report(text, outcome);
    all = (await outcome) === true && all;
  }
  return all && certificate.version === 1 && statement.version === 1;
}
