// The page in a real browser, over a real demo of one epoch.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import * as support from "./support.mjs";

const { altered, artifacts, binary, verdict, wrong } = support;
const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let demo;
let address;
let browser;
const open = (options) => support.open(browser, options);

const PROVIDERS = 12;
const holdings = support.holdings(PROVIDERS);
/** Twelve accounts are enough for a histogram and a Lorenz curve in four steps. The curve in ten steps is still withheld. */
const CHARTS = `
[[plans]]
name = "charts"
description = "Who holds how much"
column = "eth_free"
statistics = ["histogram(0, 5, 15, 50, 100)", "lorenz(4)"]
`;

before(async () => {
  [demo, browser] = await Promise.all([support.startDemo(PROVIDERS, CHARTS), support.startBrowser()]);
  address = demo.address;
  // Its servers go on, but no further provider comes: so the page can be seen before the first result, however long a browser takes.
  demo.hold();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

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
    demo.goOn();
  }
  // Nobody touches the page: what follows comes by server-sent events.
  await page.waitForSelector(".headline .big", { timeout: 120_000 });
  assert.equal(await verdict(page), "good");
  assert.equal(await page.isVisible("#progress"), false);
  assert.deepEqual(seen.errors, []);
  await context.close();
  await demo.report;
  // The tests that follow look at a survey that has come to rest: each of its three plans was released.
  const [{ id }] = await (await fetch(`${address}api/surveys`)).json();
  await demo.until(async () => (await (await fetch(`${address}api/surveys/${id}/releases`)).json()).length === 3);
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
  const { results } = await demo.report;
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
/** The call that says what the page shows of a survey. */
const SURVEY = /surveys\/[0-9a-f]{64}$/;
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
  ["the title shown", SURVEY, (survey) => { survey.title = "Something else"; }, /not the survey's title/],
  ["a plan's description shown", SURVEY, (survey) => { survey.plans[0].description = "How rich"; }, /not the survey's plans/],
  ["the minimum shown", SURVEY, (survey) => { survey.status.minimum = 1; }, /not the survey's minimum/],
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
  assert.match(await page.locator("figure", { hasText: "Histogram" }).textContent(), /would tell of fewer than 3 accounts, also together/);
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
  await page.screenshot({ path: `${artifacts}page-bars.png`, fullPage: true });
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

test("says that a result is on its way once enough have answered", async () => {
  const { context, page } = await open();
  await page.route("**/releases", (route) => route.fulfill({ json: [] }));
  await page.goto(address);
  await page.waitForSelector("#progress:not([hidden])");
  assert.match(await page.textContent("#progress"), /Enough have answered.*12 accounts have answered\. The first result is on its way/s);
  assert.match(await page.textContent("#facts"), /Next releaseon its way/);
  assert.equal(await page.locator("#progress-bar").evaluate((bar) => bar.position), 1);
  await context.close();
});

const PERIODS = [
  ["before it opens", { open: false, now: -10 }, /Opens/, /Waiting for enough/],
  ["closed too early", { open: false, now: +10 }, /Closed since/, /there is no result/],
];

for (const [what, { open: isOpen, now }, facts, progress] of PERIODS) {
  test(`says where a survey stands: ${what}`, async () => {
    const { context, page, seen } = await open({ viewport: { width: 390, height: 844 } });
    await page.route("**/releases", (route) => route.fulfill({ json: [] }));
    await altered(page, SURVEY, (shown) => {
      // A title as long as its language makes it.
      shown.title = `Wie ungleich ist das Vermögen der ${"Donaudampfschifffahrtsgesellschaft".repeat(3)}?`;
      Object.assign(shown.status, { open: isOpen, open_accounts: 2, epochs: 0, now: (now < 0 ? shown.opens_at : shown.closes_at) + now });
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
  await page.fill("#token", readFileSync(`${demo.folder}/operator.token`, "utf8"));
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

/** What does not fit: a page to scroll sideways, text wider than its box, letters of a drawing beyond its edge. */
function tooWide(page) {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
    for (const box of document.querySelectorAll(":is(h1, h2, h3, p, dd, td, button, .card, pre):not(.visually-hidden)")) {
      if (box.checkVisibility() && box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display !== "inline") wide.push(box.textContent);
    }
    for (const text of document.querySelectorAll("svg text")) {
      const [inner, outer] = [text, text.ownerSVGElement].map((node) => node.getBoundingClientRect());
      if (inner.width && (inner.left < outer.left - 1 || inner.right > outer.right + 1)) wide.push(text.textContent);
    }
    return wide;
  });
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes[0].html}`);
}

/** Thirty numbers, long names, withheld ones; a series with long labels; a history. */
function crowded(releases) {
  const first = releases.find((release) => release.plan === "inequality");
  const odd = [{ value: null, withheld: "too_few" }, { value: null, withheld: "undefined" }, { value: 1 / 3, error: 0.01 }];
  const many = Array.from({ length: 30 }, (_, k) => ({ path: [`a_statistic_with_a_name_as_long_as_number_${k}`],
    value: 1234.5 * 10 ** k, exact: `${"1234567890".repeat(3)}.5`, error: 0, unit: k % 2 ? "ETH" : "kilowatt hours", ...odd[k % 7] }));
  const series = Array.from({ length: 12 }, (_, k) => ({ path: ["by_region", `Region of a very long name ${k}`], value: k ? 10 ** k : null, error: 0 }));
  const past = [0, 0.1, 0.3].map((less, age) => ({ ...first, at: first.at - age * 86400 * 40,
    results: [...first.results.map((row) => (row.path[0] === "gini" ? { ...row, value: row.value - less } : row)), ...many, ...series] }));
  return [...past, ...releases.filter((release) => release !== first)];
}

const SIZES = [["a phone", 360, 1], ["a phone held sideways", 780, 1], ["a tablet", 820, 1], ["a desk", 1360, 1], ["twice as large", 640, 2], ["four times as large", 320, 4]];

for (const [what, width, deviceScaleFactor] of SIZES) {
  test(`fits ${what}, as it is and crowded`, async () => {
    for (const crowd of [false, true]) {
      const { context, page, seen } = await open({ viewport: { width, height: 800 }, deviceScaleFactor });
      if (crowd) await altered(page, "**/releases", crowded);
      await page.goto(address);
      assert.equal(await verdict(page), crowd ? "wrong" : "good");
      assert.deepEqual(await tooWide(page), []);
      await page.screenshot({ path: `${artifacts}page-${width}${crowd ? "-crowded" : ""}.png`, fullPage: true, scale: "css" });
      assert.deepEqual(seen.errors, []);
      await context.close();
    }
  });
}

const STATES = [
  ["with results", async () => {}],
  ["with an altered number", (page) => altered(page, "**/releases", (releases) => { releases[0].count += 1; })],
  ["before the first result", async (page) => {
    await page.route("**/releases", (route) => route.fulfill({ json: [] }));
    await altered(page, SURVEY, (shown) => { Object.assign(shown.status, { open_accounts: 2, accepted: 2, epochs: 0 }); });
  }],
  ["without its server", (page) => page.route("**/api/**", (route) => route.abort())],
];

for (const colorScheme of ["light", "dark"]) {
  for (const [what, prepare] of STATES) {
    test(`is accessible ${what}, ${colorScheme}`, async () => {
      const { context, page } = await open({ colorScheme, viewport: { width: 390, height: 844 } });
      await prepare(page);
      await page.goto(address);
      await page.waitForFunction(() => document.getElementById("certificate").dataset.verdict?.match(/good|wrong/)
        || !document.getElementById("progress").hidden || document.title === "mpcstats" && /cannot/.test(document.body.innerText));
      assert.deepEqual(await violations(page), []);
      await page.screenshot({ path: `${artifacts}page-${what.replaceAll(" ", "-")}-${colorScheme}.png`, fullPage: true });
      await context.close();
    });
  }
}

test("reads well to those who do not see it", async () => {
  const { context, page } = await open();
  await page.goto(address);
  await verdict(page);
  const said = await page.locator("body").ariaSnapshot();
  for (const name of [
    /banner/, /status: Live/, /heading "How unequal are ETH holdings\?" \[level=1\]/, /img "How it works\. A value is split/,
    /img "Gini coefficient\. [\d.]+%"/, /region "How much, and how unequally"/, /img "QR code of this page's address"/,
    /group "The command to run"/, /combobox "Release"/, /listitem: .*\(holds\)/, /contentinfo/,
  ]) assert.match(said, name);
  await context.close();
});

test("moves nothing for those who do not want it", async () => {
  const { context, page } = await open({ reducedMotion: "reduce" });
  await page.goto(address);
  await verdict(page);
  const moving = await page.evaluate(() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => /transition|animation|scroll-behavior/.test(rule.style?.cssText ?? "")).map((rule) => rule.selectorText));
  const still = await page.evaluate(() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
    .filter((rule) => rule.conditionText?.includes("prefers-reduced-motion")).flatMap((rule) => [...rule.cssRules]).map((rule) => rule.selectorText));
  assert.deepEqual(moving.filter((selector) => !still.includes(selector)), []);
  await context.close();
});

test("says that it cannot check where the browser cannot", async () => {
  const { context, page } = await open();
  await page.addInitScript(() => {
    SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException("Ed25519", "NotSupportedError"));
  });
  await page.goto(address);
  assert.equal(await verdict(page), "unable");
  assert.match(await page.textContent("#warning"), /NOT checked: this browser cannot/);
  assert.match(await page.textContent("#certificate-command"), /mpcstats certificate verify/);
  await context.close();
});

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

test("can be used by keyboard, and shows where one is", async () => {
  const { context, page } = await open();
  await page.goto(address);
  await verdict(page);
  const visited = [];
  for (;;) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const { activeElement: element } = document;
      if (element === document.body) return null;
      const [{ outlineStyle, outlineWidth }, box] = [getComputedStyle(element), element.getBoundingClientRect()];
      const inView = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.left >= 0;
      return { name: element.getAttribute("aria-label") ?? element.textContent.trim(), id: element.id, seen: outlineStyle === "solid" && parseFloat(outlineWidth) >= 2 && inView };
    });
    if (!at || (visited.length && at.name === visited[0].name)) break;
    visited.push(at);
  }
  assert.deepEqual(visited.filter(({ seen }) => !seen), []);
  const names = visited.map(({ id, name }) => id || name);
  const inOrder = ["Skip to the result", "seal", "The command to run", "join-copy", "certificate-release", "check-again", "↓ survey.json",
    "The command that checks the certificate", "surveys", "API"];
  assert.deepEqual(names.filter((name) => inOrder.includes(name)), inOrder);

  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.focus("#seal");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "certificate");
  await page.focus("#check-again");
  await page.keyboard.press("Enter");
  assert.equal(await verdict(page), "good");
  await context.close();
});

test("says what to type in where a survey asks for answers", async () => {
  const { context, page } = await open();
  await page.goto(address);
  await verdict(page);
  assert.equal(await page.isVisible("#join-typed"), false, "this survey asks for none");
  await altered(page, SURVEY, (shown) => { shown.answers = ["`smoker`: Whether you smoke, one of `never`, `now`"]; });
  await page.reload();
  await verdict(page);
  assert.match(await page.innerText("#join-typed"), /In place of each VALUE.*smoker: Whether you smoke, one of never, now/s);
  await context.close();
});

test("copies the command, or selects it where it may not copy", async () => {
  const { context, page } = await open({ permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(address);
  await verdict(page);
  const command = await page.textContent("#join-command");
  await page.click("#join-copy");
  await page.waitForFunction(() => document.getElementById("join-copy").textContent === "Copied");
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
  await page.evaluate(() => { Clipboard.prototype.writeText = () => Promise.reject(new Error("not allowed")); });
  await page.click("#join-copy");
  await page.waitForFunction(() => document.getElementById("join-copy").textContent.startsWith("Selected"));
  assert.equal((await page.evaluate(() => getSelection().toString())).replaceAll("\n", " "), command);
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
