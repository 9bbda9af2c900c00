// Decodes cases as the page does: one JSON object a line in, `{ "wrong": [...] }` a line out. Used by
// crates/mpcstats/tests/page.rs, which compares with the results that the consumer's own code decodes.

import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const page = (name) => pathToFileURL(`${process.env.PAGE}/${name}`).href;
const { decode, difference } = await import(page("decode.js"));
const { fromHex } = await import(page("verify.js"));

for await (const line of createInterface({ input: process.stdin })) {
  const { plan, tests, count, components, results } = JSON.parse(line);
  let wrong;
  try {
    const decoded = decode(plan, { statement: { tests, count } }, components.map(fromHex), results);
    wrong = decoded.results.map((result, index) => difference(result, results[index])).filter((text) => text);
  } catch (error) {
    wrong = [error.stack];
  }
  console.log(JSON.stringify({ wrong }));
}
