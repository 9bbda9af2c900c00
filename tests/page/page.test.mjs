// The page in a real browser, over a real demo: processes, notarized TLS, three parties.
//
// MPCSTATS names the binary, CHROMIUM the browser. Screenshots are left in artifacts/.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const artifacts = new URL("../../artifacts/", import.meta.url).pathname;
mkdirSync(artifacts, { recursive: true });

let demo;
let address;
let report;
let browser;
const folder = mkdtempSync(`${tmpdir()}/mpcstats-page-`);
const survey = mkdtempSync(`${tmpdir()}/mpcstats-page-survey-`);
const binary = process.env.MPCSTATS ?? "mpcstats";

const PROVIDERS = 12;
const shipped = (path) => new URL(`../../${path}`, import.meta.url).pathname;
const responses = shipped("surveys/eth-inequality/responses.jsonl");

/** What the demo's providers hold, in ascending order. */
const holdings = readFileSync(responses, "utf8").split("\n").slice(0, PROVIDERS)
  .map((line) => Number(JSON.parse(JSON.parse(line).body).balances.find(({ asset }) => asset === "ETH").free))
  .sort((a, b) => a - b);

/**
 * The survey that ships, with a minimum that twelve accounts can meet: so a histogram and a Lorenz curve in four steps are
 * released. The curve in ten steps is still withheld.
 */
function writeSurvey() {
  copyFileSync(responses, `${survey}/responses.jsonl`);
  copyFileSync(shipped("sources/binance-spot.toml"), `${survey}/source.toml`);
  const text = readFileSync(shipped("surveys/eth-inequality/survey.toml"), "utf8")
    .replace(/^source = .*$/m, 'source = "source.toml"')
    .replace("minimum = 10", "minimum = 3");
  writeFileSync(`${survey}/survey.toml`, `${text}
[[plans]]
name = "charts"
description = "Who holds how much"
column = "eth_free"
statistics = ["histogram(0, 5, 15, 50, 100)", "lorenz(4)"]
`);
}

/** Asks again until `look` gives something; a demo that ended ends the test. */
async function until(look) {
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found) return found;
    if (demo.exitCode !== null) throw new Error(`the demo ended: ${demo.exitCode}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

/**
 * Starts the demo and, once its page answers, holds it still: its servers go on, but no further provider comes until
 * `goOn`. So the page can be seen before the first result, however long a browser takes. `report` is the object that
 * the demo prints at last.
 */
async function startDemo() {
  writeSurvey();
  demo = spawn(binary, ["demo", "--json", "--folder", folder, "--survey", survey, "--providers", String(PROVIDERS)],
    { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: demo.stdout });
  report = new Promise((resolve, reject) => {
    lines.once("line", (line) => resolve(JSON.parse(line)));
    demo.once("exit", (code) => reject(new Error(`the demo ended: ${code}`)));
  });
  report.catch(() => {});
  const listen = await until(async () => /listen = "(.*)"/.exec(readFileSync(`${folder}/api.toml`, "utf8"))?.[1]);
  await until(async () => (await (await fetch(`http://${listen}/api/surveys`)).json()).length);
  demo.kill("SIGSTOP");
  return `http://${listen}/`;
}

const goOn = () => demo?.kill("SIGCONT");

before(async () => {
  [address, browser] = await Promise.all([startDemo(), chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  })]);
});

after(async () => {
  await browser?.close();
  goOn();
  demo?.kill("SIGINT");
  if (demo?.exitCode === null) await once(demo, "exit");
  for (const path of [folder, survey]) rmSync(path, { recursive: true, force: true });
});

/** A page that keeps what went wrong on it and where it went. */
async function open(options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  // A busy machine is slow, not wrong.
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const seen = { errors: [], hosts: new Set() };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("request", (request) => seen.hosts.add(new URL(request.url()).host));
  return { context, page, seen };
}

/** The verdict, once there is one: waiting and reading are one step, for a page may begin to check anew at any time. */
async function verdict(page) {
  const found = await page.waitForFunction(() => {
    const said = document.getElementById("certificate").dataset.verdict;
    return ["good", "wrong", "missing"].includes(said) && said;
  });
  return found.jsonValue();
}

/** The checks that failed, with what they say. */
async function wrong(page) {
  return page.locator("#checks .wrong").allTextContents();
}

/** Answers `path` with what `alter` makes of the server's answer. */
async function altered(page, path, alter) {
  await page.route(path, async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    await route.fulfill({ response, json: alter(json) ?? json });
  });
}

// First, before enough providers have answered.
test("shows progress and no number before the minimum, then the result by itself", async () => {
  const { context, page, seen } = await open();
  try {
    await page.goto(address);
    await page.waitForSelector("#progress:not([hidden])");
    assert.equal(await page.locator("#plans *").count(), 0, "no number before the minimum is reached");
    assert.match(await page.textContent("#progress-text"), /\d+ of at least 3 accounts have answered/);
    await page.screenshot({ path: `${artifacts}page-before.png`, fullPage: true });
  } finally {
    goOn();
  }
  // Nobody touches the page: what follows comes by server-sent events.
  await page.waitForSelector(".headline .big", { timeout: 120_000 });
  assert.equal(await verdict(page), "good");
  assert.equal(await page.isVisible("#progress"), false);
  assert.deepEqual(seen.errors, []);
  await context.close();
  await report;
  // The tests that follow look at a survey that has come to rest: each of its three plans was released.
  const [{ id }] = await (await fetch(`${address}api/surveys`)).json();
  await until(async () => (await (await fetch(`${address}api/surveys/${id}/releases`)).json()).length === 3);
});

test("shows the result and a certificate that holds, asking no other host", async () => {
  const { context, page, seen } = await open();
  await page.goto(address);
  assert.equal(await verdict(page), "good");
  assert.match(await page.textContent(".headline"), /Gini coefficient/);
  assert.ok((await page.locator(".cards article").count()) >= 4);
  assert.match(await page.textContent("#join-command"), /mpcstats share .* --authority '.*ca.pem'/);
  assert.ok((await page.locator("#join-needs li").count()) === 2, "the source's two secrets");
  assert.match(await page.textContent("#facts"), /Providers12/);
  await page.locator("#join-qr").evaluate((image) => image.decode());
  await page.screenshot({ path: `${artifacts}page-desk.png`, fullPage: true });
  assert.deepEqual([...seen.hosts], [new URL(address).host]);
  assert.deepEqual(seen.errors, []);
  await context.close();
});

test("gives survey and certificates to keep, and a command that checks them without any server", async () => {
  const { context, page } = await open();
  await page.goto(address);
  assert.equal(await verdict(page), "good");
  assert.equal(await page.isVisible("#warning"), false);
  const kept = mkdtempSync(`${tmpdir()}/mpcstats-kept-`);
  for (const link of await page.locator("#certificate-downloads a").all()) {
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    await download.saveAs(`${kept}/${download.suggestedFilename()}`);
  }
  const commands = (await page.textContent("#certificate-command")).split("\n");
  assert.equal(commands.length, 3, "one for each plan");
  for (const command of commands) {
    const [program, ...words] = command.split(" ");
    assert.equal(program, "mpcstats");
    const said = execFileSync(binary, words, { cwd: kept, encoding: "utf8" });
    assert.match(said, /The certificate holds/);
    assert.ok(said.includes(await page.textContent("#certificate-id")), "it tells the survey's id");
  }
  rmSync(kept, { recursive: true });
  await context.close();
});

test("puts together in the browser the numbers that the demo's consumer got", async () => {
  const { results } = await report;
  const { context, page } = await open();
  await page.goto(address);
  assert.equal(await verdict(page), "good");
  const said = await page.locator("#checks li", { hasText: "sum" }).textContent();
  for (const name of ["count", "sum", "median", "max"]) {
    const { exact } = results.find((row) => row.path[0] === name);
    assert.ok(said.includes(`${name} ${exact}`), `${said} says ${name} ${exact}`);
  }
  await context.close();
});

const flipped = (hex) => (hex[0] === "0" ? "1" : "0") + hex.slice(1);
/** Alters the certificates that hold numbers: all but that of the withheld curve. */
const withNumbers = (alter) => (certificate) => { if (certificate.components[0].bytes) alter(certificate); };
const ALTERED = [
  ["the statement", "**/certificates/*", (certificate) => { certificate.statement.count += 1; }, /signed the statement/],
  ["a share of the result", "**/certificates/*",
    withNumbers((certificate) => { certificate.components[0].bytes = flipped(certificate.components[0].bytes); }), /component 0 is another/],
  ["two copies, swapped", "**/certificates/*",
    (certificate) => { certificate.components.reverse(); }, /component 0 is another/],
  ["a share cut short", "**/certificates/*",
    withNumbers((certificate) => { certificate.components[2].bytes = certificate.components[2].bytes.slice(32); }), /differ in length/],
  ["a number shown", "**/releases",
    (releases) => { for (const row of releases.flatMap((release) => release.results)) if (row.path[0] === "mean") row.value += 0.001; },
    /mean is shown as/],
  ["an exact number shown", "**/releases",
    (releases) => { for (const row of releases.flatMap((release) => release.results)) if (row.path[0] === "sum") row.exact = "1" + row.exact; },
    /sum is shown as/],
  ["a withheld number, made up", "**/releases",
    (releases) => { for (const row of releases.flatMap((release) => release.results)) { row.value ??= 0.5; delete row.withheld; } },
    /where the results need|was not opened/],
  ["a number added", "**/releases",
    (releases) => { for (const release of releases) release.results.push({ path: ["extra"], value: 1, error: 0 }); },
    /more is shown than was decoded/],
  ["the number of accounts shown", "**/releases",
    (releases) => { for (const release of releases) release.count += 100; }, /the count shown is another/],
  ["the survey", "**/definition", (survey) => { survey.body.policy.limits.minimum = 2; }, /another hash/],
];

for (const [what, path, alter, says] of ALTERED) {
  test(`refuses when this was altered: ${what}`, async () => {
    const { context, page } = await open();
    await altered(page, path, alter);
    await page.goto(address);
    assert.equal(await verdict(page), "wrong");
    assert.match((await wrong(page)).join("; "), says);
    assert.match(await page.textContent("#certificate-text"), /NOT hold/);
    assert.match(await page.textContent("#seal"), /NOT hold/);
    assert.match(await page.textContent("#warning"), says, "the reason stands above the numbers");
    assert.ok(await page.isVisible("#warning"));
    await page.screenshot({ path: `${artifacts}page-altered-${what.replaceAll(/\W+/g, "-")}.png`, fullPage: true });
    await context.close();
  });
}

test("draws the histogram and the Lorenz curve that were released, and says what is withheld", async () => {
  const { context, page, seen } = await open();
  await page.goto(address);
  assert.equal(await verdict(page), "good");
  const among = (low, high) => holdings.filter((value) => low <= value && value < high).length;
  const percent = (value) => new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(value);
  const held = (count) => holdings.slice(0, count).reduce((sum, value) => sum + value, 0) / holdings.reduce((sum, value) => sum + value, 0);
  const label = (name) => page.getAttribute(`#plans svg[aria-label^="${name}"]`, "aria-label");
  // Nobody has 50 or more: the smallest other bin, though large enough, is withheld so that this does not show.
  assert.equal(among(15, 50), 3);
  assert.equal(await label("Histogram"),
    `Histogram. [0, 5): ${among(0, 5)}, [5, 15): ${among(5, 15)}, [15, 50): withheld, [50, 100]: withheld`);
  assert.equal(await label("Lorenz"), `Lorenz curve. ${[3, 6, 9].map((count) =>
    `The poorest ${percent(count / PROVIDERS)} hold ${percent(held(count))}`).join(", ")}`);
  assert.match(await page.locator(".withheld", { hasText: "Lorenz curve" }).textContent(), /fewer than 3 accounts/);
  await page.locator("section.plan", { hasText: "Who holds how much" }).screenshot({ path: `${artifacts}page-charts.png` });
  assert.deepEqual(seen.errors, []);
  await context.close();
});

test("draws a history, many bars, and bars below zero", async () => {
  const { context, page, seen } = await open();
  // A single epoch has no history: the numbers drawn here were never released, and are refused.
  await altered(page, "**/releases", (releases) => {
    const [first] = releases.filter((release) => release.plan === "inequality");
    const series = (name, entries) => entries.map(([label, value]) => ({ path: [name, label], value, error: 0 }));
    const more = [...series("ages", Array.from({ length: 24 }, (_, k) => [`[${4 * k}, ${4 * k + 4})`, 3 + (k * 7) % 11])),
      ...series("change", [["red", 3.25], ["blue", -1.5]])];
    const gini = (row, shift) => (row.path[0] === "gini" ? { ...row, value: row.value + shift } : row);
    return [0, 0.02, -0.03, 0.01].map((shift, age) => ({ ...first, at: first.at - age * 86400,
      results: [...first.results.map((row) => gini(row, shift)), ...more] }));
  });
  await page.goto(address);
  assert.equal(await verdict(page), "wrong");
  assert.deepEqual(await page.locator("#plans figcaption").allTextContents(), ["Ages", "Change", "Gini coefficient over time"]);
  assert.equal(await page.locator("#plans .bar").count(), 26);
  assert.equal(await page.locator("#plans .dot").count(), 4);
  await page.screenshot({ path: `${artifacts}page-history.png`, fullPage: true });
  assert.deepEqual(seen.errors, [], "a bar of negative height is an error");
  await context.close();
});

test("says that nothing was checked where a certificate cannot be fetched", async () => {
  const { context, page } = await open();
  await page.route("**/certificates/*", (route) => route.fulfill({ status: 503, json: {} }));
  await page.goto(address);
  assert.equal(await verdict(page), "missing");
  assert.match(await page.textContent("#warning"), /NOT checked.*the server answered 503/);
  assert.match(await page.textContent("#seal"), /NOT checked/);
  await page.unroute("**/certificates/*");
  await page.click("#check-again");
  assert.equal(await verdict(page), "good");
  assert.equal(await page.isVisible("#warning"), false);
  await context.close();
});

/** Answers the first call to `path` badly, and all others as the server does. */
async function failsOnce(page, path, answer) {
  let failed = false;
  await page.route(path, (route) => {
    if (failed) return route.continue();
    failed = true;
    return answer(route);
  });
}

test("tries again by itself when the server, or a proxy before it, was away", async () => {
  const [away, restarting] = await Promise.all([open(), open()]);
  await failsOnce(away.page, "**/api/surveys", (route) => route.abort());
  await failsOnce(restarting.page, "**/events", (route) => route.fulfill({ status: 502, body: "Bad gateway" }));
  await Promise.all([away, restarting].map(({ page }) => page.goto(address)));
  await away.page.waitForFunction(() => /cannot be reached/.test(document.getElementById("description").textContent));
  await restarting.page.waitForFunction(() => document.getElementById("live").textContent === "Reconnecting…");
  for (const { page, context } of [away, restarting]) {
    await page.waitForFunction(() => document.getElementById("live").textContent === "Live");
    assert.equal(await verdict(page), "good");
    await context.close();
  }
});

const PERIODS = [
  ["before it opens", { open: false, now: -10 }, /Opens/, /Waiting for enough/],
  ["closed too early", { open: false, now: +10 }, /Closed since/, /there is no result/],
];

for (const [what, { open: isOpen, now }, facts, progress] of PERIODS) {
  test(`says where a survey stands: ${what}`, async () => {
    const { context, page, seen } = await open({ viewport: { width: 390, height: 844 } });
    await page.route("**/releases", (route) => route.fulfill({ json: [] }));
    await altered(page, /surveys\/[0-9a-f]{64}$/, (shown) => {
      // A title as long as its language makes it.
      shown.title = `Wie ungleich ist das Vermögen der ${"Donaudampfschifffahrtsgesellschaft".repeat(3)}?`;
      Object.assign(shown.status, { open: isOpen, open_accounts: 2, now: (now < 0 ? shown.opens_at : shown.closes_at) + now });
    });
    await page.goto(address);
    await page.waitForSelector("#progress:not([hidden])");
    assert.match(await page.textContent("#facts"), facts);
    assert.match(await page.textContent("#progress"), progress);
    assert.equal(await page.isVisible("#join"), false, "nobody can take part");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false, "no sideways scrolling");
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
}

test("shows the operator the queue, the parties and refusals, for the token only", async () => {
  for (const headers of [{}, { authorization: "Bearer " }, { authorization: "Basic YTpi" }]) {
    const answer = await fetch(`${address}api/operator`, { headers });
    assert.equal(answer.status, 401);
    assert.equal((await answer.json()).code, "unauthorized");
  }
  const { context, page } = await open({ viewport: { width: 1100, height: 700 } });
  await page.goto(`${address}operator`);
  await page.fill("#token", "another token");
  await page.press("#token", "Enter");
  await page.waitForFunction(() => /not right/.test(document.getElementById("live").textContent));
  await page.fill("#token", readFileSync(`${folder}/operator.token`, "utf8"));
  await page.press("#token", "Enter");
  await page.waitForSelector("#board:not([hidden])");
  await page.waitForFunction(() => document.querySelectorAll("#parties tr").length === 3);
  assert.match(await page.textContent("#cards"), /Queued\d+.*Accepted12/);
  assert.match(await page.textContent("#parties"), /Party 0\d+ s ago/);
  assert.match(await page.textContent("#refusals"), /Commitment mismatch1/);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`), []);
  await page.screenshot({ path: `${artifacts}page-operator.png`, fullPage: true });
  await context.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`is accessible and fits a phone, ${colorScheme}`, async () => {
    const { context, page, seen } = await open({ colorScheme, viewport: { width: 390, height: 844 } });
    await page.goto(address);
    await verdict(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false, "no sideways scrolling");
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`), []);
    await page.screenshot({ path: `${artifacts}page-phone-${colorScheme}.png`, fullPage: true });
    assert.deepEqual(seen.errors, []);
    await context.close();
  });
}

test("checks a single release when it is chosen", async () => {
  const { context, page } = await open();
  await page.goto(address);
  await verdict(page);
  const all = await page.locator("#checks h3").count();
  assert.equal(all, 3, "one for each plan");
  const value = await page.locator("#certificate-release option", { hasText: "Distribution" }).getAttribute("value");
  await page.selectOption("#certificate-release", value);
  await page.waitForFunction(() => document.querySelectorAll("#checks h3").length === 1);
  assert.equal(await verdict(page), "good");
  await context.close();
});

test("can be used by keyboard", async () => {
  const { context, page } = await open();
  await page.goto(address);
  await verdict(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the result");
  await page.keyboard.press("Enter");
  await page.focus("#check-again");
  await page.keyboard.press("Enter");
  assert.equal(await verdict(page), "good");
  await context.close();
});

test("answers with a strict content security policy", async () => {
  const { context, page } = await open();
  const response = await page.goto(address);
  const policy = response.headers()["content-security-policy"] ?? "";
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
  await context.close();
});
