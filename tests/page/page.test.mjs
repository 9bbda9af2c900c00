// The page in a real browser, over a real demo: processes, notarized TLS, three parties.
//
// MPCSTATS names the binary, CHROMIUM the browser. Screenshots are left in artifacts/.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
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
const binary = process.env.MPCSTATS ?? "mpcstats";

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
  demo = spawn(binary, ["demo", "--json", "--folder", folder], { stdio: ["ignore", "pipe", "inherit"] });
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
  rmSync(folder, { recursive: true, force: true });
});

/** A page that keeps what went wrong on it and where it went. */
async function open(options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
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
    return ["good", "wrong"].includes(said) && said;
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
    assert.match(await page.textContent("#progress-text"), /\d+ of at least 10 accounts have answered/);
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
  // The tests that follow look at a survey that has come to rest: each of its two plans was released.
  const [{ id }] = await (await fetch(`${address}api/surveys`)).json();
  await until(async () => (await (await fetch(`${address}api/surveys/${id}/releases`)).json()).length === 2);
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
  assert.equal(commands.length, 2, "one for each plan");
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
/** Alters the certificates that hold numbers: of a demo's twelve accounts the Lorenz curve is withheld. */
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

test("draws histogram, Lorenz curve and history", async () => {
  const { context, page, seen } = await open();
  // A demo's twelve accounts are too few for either: the numbers drawn here were never released, and are refused.
  await altered(page, "**/releases", (releases) => {
    const [first] = releases.filter((release) => release.plan === "inequality");
    const series = (name, entries) => entries.map(([label, value]) => ({ path: [name, label], value, error: 0 }));
    const more = [...series("histogram", [["[0, 5)", 31], ["[5, 10)", 42], ["[10, 20]", 12]]),
      ...series("lorenz", [1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => [`${k}/10`, (k / 10) ** 2.4]))];
    const gini = (row, shift) => (row.path[0] === "gini" ? { ...row, value: row.value + shift } : row);
    return [0, 0.02, -0.03, 0.01].map((shift, age) => ({ ...first, at: first.at - age * 86400,
      results: [...first.results.map((row) => gini(row, shift)), ...more] }));
  });
  await page.goto(address);
  assert.equal(await verdict(page), "wrong");
  assert.deepEqual(await page.locator("figcaption", { hasNotText: "device" }).allTextContents(),
    ["Histogram", "Lorenz curve", "Gini coefficient over time"]);
  assert.match(await page.getAttribute('svg[aria-label^="Lorenz"]', "aria-label"), /the poorest 50% hold 18.9%/);
  assert.equal(await page.locator("#result .dot").count(), 4);
  await page.screenshot({ path: `${artifacts}page-charts.png`, fullPage: true });
  assert.deepEqual(seen.errors, []);
  await context.close();
});

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
  assert.equal(all, 2, "one for each plan");
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
