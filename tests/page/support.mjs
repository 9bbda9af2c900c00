// What the page's tests share: a real demo (processes, notarized TLS, three parties), and a real browser.
//
// MPCSTATS names the binary, CHROMIUM the browser. Screenshots are left in artifacts/.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const binary = process.env.MPCSTATS ?? "mpcstats";
export const artifacts = new URL("../../artifacts/", import.meta.url).pathname;
mkdirSync(artifacts, { recursive: true });

const shipped = (path) => new URL(`../../${path}`, import.meta.url).pathname;
const responses = shipped("surveys/eth-inequality/responses.jsonl");
const folderFor = (what) => mkdtempSync(`${tmpdir()}/mpcstats-${what}-`);

/** What the first providers hold, in ascending order. */
export const holdings = (providers) => readFileSync(responses, "utf8").split("\n").slice(0, providers)
  .map((line) => Number(JSON.parse(JSON.parse(line).body).balances.find(({ asset }) => asset === "ETH").free))
  .sort((a, b) => a - b);

/** The survey that ships, with a minimum of three accounts and further plans. */
function writeSurvey(survey, plans) {
  copyFileSync(responses, `${survey}/responses.jsonl`);
  copyFileSync(shipped("sources/binance-spot.toml"), `${survey}/source.toml`);
  const text = readFileSync(shipped("surveys/eth-inequality/survey.toml"), "utf8")
    .replace(/^source = .*$/m, 'source = "source.toml"')
    .replace("minimum = 10", "minimum = 3");
  writeFileSync(`${survey}/survey.toml`, `${text}\n${plans}`);
}

/**
 * A demo with so many providers. `address` is the page's, once it answers; `report` the object that it prints at last; `until`
 * asks again until `look` gives something.
 */
export async function startDemo(providers, plans = "") {
  const [folder, survey] = [folderFor("demo"), folderFor("survey")];
  writeSurvey(survey, plans);
  const demo = spawn(binary, ["demo", "--json", "--folder", folder, "--survey", survey, "--providers", String(providers)],
    { stdio: ["ignore", "pipe", "inherit"] });
  const report = new Promise((resolve, reject) => {
    createInterface({ input: demo.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    demo.once("exit", (code) => reject(new Error(`the demo ended: ${code}`)));
  });
  report.catch(() => {});
  const until = async (look) => {
    for (;;) {
      const found = await Promise.resolve().then(look).catch(() => undefined);
      if (found) return found;
      if (demo.exitCode !== null) throw new Error(`the demo ended: ${demo.exitCode}`);
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  };
  const goOn = () => demo.kill("SIGCONT");
  const stop = async () => {
    goOn();
    demo.kill("SIGINT");
    if (demo.exitCode === null) await once(demo, "exit");
    for (const path of [folder, survey]) rmSync(path, { recursive: true, force: true });
  };
  const listen = await until(() => /listen = "(.*)"/.exec(readFileSync(`${folder}/api.toml`, "utf8"))?.[1]);
  const address = `http://${listen}/`;
  await until(async () => (await (await fetch(`${address}api/surveys`)).json()).length);
  return { address, folder, report, until, hold: () => demo.kill("SIGSTOP"), goOn, stop };
}

export const startBrowser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** A page that keeps what went wrong on it and where it went. */
export async function open(browser, options = {}) {
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
export async function verdict(page) {
  const found = await page.waitForFunction(() => {
    const said = document.getElementById("certificate").dataset.verdict;
    return ["good", "wrong", "missing", "unable"].includes(said) && said;
  });
  return found.jsonValue();
}

/** The checks that failed, with what they say. */
export async function wrong(page) {
  return page.locator("#checks .wrong").allTextContents();
}

/** Answers `path` with what `alter` makes of the server's answer. */
export async function altered(page, path, alter) {
  await page.route(path, async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    await route.fulfill({ response, json: alter(json) ?? json });
  });
}
