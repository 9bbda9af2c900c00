// The page in a real browser, over a real demo: processes, notarized TLS, three parties.
//
// MPCSTATS names the binary, CHROMIUM the browser. Screenshots are left in artifacts/.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const artifacts = new URL("../../artifacts/", import.meta.url).pathname;
mkdirSync(artifacts, { recursive: true });

let demo;
let address;
let browser;

/** Starts the demo and waits for the object that it prints once everything is up. */
async function startDemo() {
  const binary = process.env.MPCSTATS ?? "mpcstats";
  demo = spawn(binary, ["demo", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((_, reject) => demo.once("exit", (code) => reject(new Error(`the demo ended: ${code}`))));
  ended.catch(() => {});
  const lines = createInterface({ input: demo.stdout });
  const report = new Promise((resolve) => lines.once("line", (line) => resolve(JSON.parse(line))));
  return (await Promise.race([report, ended])).page;
}

before(async () => {
  address = await startDemo();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  demo?.kill("SIGINT");
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

async function verdict(page) {
  await page.waitForFunction(() => ["good", "wrong"].includes(document.getElementById("certificate").dataset.verdict));
  return page.getAttribute("#certificate", "data-verdict");
}

test("shows the result and a certificate that holds, asking no other host", async () => {
  const { context, page, seen } = await open();
  await page.goto(address);
  assert.equal(await verdict(page), "good");
  assert.match(await page.textContent("#headline"), /Gini/i);
  assert.ok((await page.locator("#cards article").count()) >= 4);
  assert.match(await page.textContent("#join-command"), /mpcstats share/);
  await page.locator("#join-qr").evaluate((image) => image.decode());
  await page.screenshot({ path: `${artifacts}page-desk.png`, fullPage: true });
  assert.deepEqual([...seen.hosts], [new URL(address).host]);
  assert.deepEqual(seen.errors, []);
  await context.close();
});

test("refuses a certificate that was altered", async () => {
  const { context, page } = await open();
  await page.route("**/certificates/*", async (route) => {
    const response = await route.fetch();
    const certificate = await response.json();
    certificate.statement.count += 1;
    await route.fulfill({ response, json: certificate });
  });
  await page.goto(address);
  assert.equal(await verdict(page), "wrong");
  await page.screenshot({ path: `${artifacts}page-altered.png`, fullPage: true });
  await context.close();
});

test("refuses a certificate whose result was altered", async () => {
  const { context, page } = await open();
  await page.route("**/certificates/*", async (route) => {
    const response = await route.fetch();
    const certificate = await response.json();
    const bytes = certificate.components[0].bytes;
    certificate.components[0].bytes = (bytes[0] === "0" ? "1" : "0") + bytes.slice(1);
    await route.fulfill({ response, json: certificate });
  });
  await page.goto(address);
  assert.equal(await verdict(page), "wrong");
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
