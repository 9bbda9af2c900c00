// Several releases, over a real demo that goes on: further providers take part by the command that the page shows. And what may be
// wrong with a certificate, to the page and to `mpcstats certificate verify` alike.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { after, before, test } from "node:test";
import { alterations } from "./alterations.mjs";
import * as support from "./support.mjs";

globalThis.crypto ??= webcrypto;
const hashes = await import("../../crates/service/src/client_api/page/verify.js");
const { altered, artifacts, binary, verdict, wrong } = support;

/** As many as an epoch needs. */
const PROVIDERS = 3;
const home = mkdtempSync(`${tmpdir()}/mpcstats-home-`);
let demo;
let browser;

before(async () => {
  [demo, browser] = await Promise.all([support.startDemo(PROVIDERS), support.startBrowser()]);
  await demo.report;
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  rmSync(home, { recursive: true, force: true });
});

const json = async (path) => (await fetch(`${demo.address}api/surveys${path}`)).json();

/** What the survey has released of a plan, newest first. */
async function released(id, plan) {
  return (await json(`/${id}/releases`)).filter((release) => release.plan === plan);
}

/** The environment of a provider: records go to a folder of its own, and the program is where the shell looks for it. */
const environment = { ...process.env, XDG_DATA_HOME: home, PATH: `${dirname(binary)}:${process.env.PATH}` };

const pause = () => new Promise((resolve) => { setTimeout(resolve, 20); });

/** Waits until a terminal shows nothing of what is typed: what was typed before that is thrown away. */
async function silent(file) {
  while (!/-echo /.test(execFileSync("stty", ["-F", readFileSync(file, "utf8").trim(), "-a"], { encoding: "utf8" }))) await pause();
}

/** Runs a command in a terminal, answers each question with the text that stands beside it, and gives all that is seen. */
async function inTerminal(command, answers) {
  const file = `${home}/terminal`;
  const terminal = spawn("script", ["-qec", `tty > '${file}'; ${command}`, "/dev/null"], { env: environment });
  const ended = once(terminal, "close");
  let said = "";
  terminal.stdout.on("data", (bytes) => { said += bytes; });
  let heard = 0;
  for (const { question, answer, secret } of answers) {
    while (said.indexOf(question, heard) < 0) {
      assert.equal(terminal.exitCode, null, said);
      await pause();
    }
    heard = said.indexOf(question, heard) + question.length;
    if (secret) await silent(file);
    terminal.stdin.write(`${answer}\n`);
  }
  const [code] = await ended;
  assert.equal(code, 0, said);
  return said;
}

/** What `mpcstats certificate verify` makes of a release. */
async function certified(id, { release }) {
  for (const [file, path] of [["survey.json", "definition"], ["certificate.json", `certificates/${release}`]]) {
    writeFileSync(`${home}/${file}`, JSON.stringify(await json(`/${id}/${path}`)));
  }
  const words = ["certificate", "verify", "certificate.json", "--survey", "survey.json", "--release", String(release), "--json"];
  return JSON.parse(execFileSync(binary, words, { cwd: home, encoding: "utf8" }));
}

/** The Gini coefficient, by its definition. */
function gini(values) {
  const sum = values.reduce((total, value) => total + value, 0);
  const apart = values.flatMap((a) => values.map((b) => Math.abs(a - b))).reduce((total, value) => total + value, 0);
  return apart / (2 * values.length * sum);
}

const percent = (value) => new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(value);

test("goes on by itself: further providers by the command that the page shows, and a second release", async () => {
  const { context, page, seen } = await support.open(browser);
  const [{ id }] = await json("");
  await demo.until(async () => (await json(`/${id}/releases`)).length === 2);
  await page.goto(demo.address);
  assert.equal(await verdict(page), "good");
  assert.equal(await page.locator("#plans .dot").count(), 0, "one release is no line");

  // The first provider does what a reader of the page would: the command as it stands, in a terminal, with what it asks for.
  const needs = await page.locator("#join-needs code").allTextContents();
  const accounts = JSON.parse(readFileSync(needs[1], "utf8")).filter(({ used }) => !used);
  const [first, ...others] = accounts.slice(0, PROVIDERS).map(({ secrets }) => secrets);
  const questions = Object.entries(first).map(([name, answer]) => ({ question: `${name} (`, answer, secret: true }));
  const said = await inTerminal(await page.textContent("#join-command"), [...questions, { question: "Go on? [y/N]", answer: "y" }]);
  assert.match(said, /Accepted by all three parties/);
  for (const secret of Object.values(first)) assert.ok(!said.includes(secret), "the terminal shows no secret");
  assert.match(execFileSync(binary, ["receipt"], { env: environment, encoding: "utf8" }), /accepted/i);
  await page.waitForFunction((count) => document.getElementById("facts").textContent.includes(`Providers${count}`), PROVIDERS + 1);
  assert.match(await page.textContent("#facts"), /after 2 more accounts/);

  const reference = /'(https:[^']*)'/.exec(await page.textContent("#join-command"))[1];
  await Promise.all(others.map(async (secrets) => {
    const names = Object.keys(secrets);
    const options = names.flatMap((name) => ["--secret", `${name}=env:${name.toUpperCase()}`]);
    const share = spawn(binary, ["share", "--survey", reference, "--authority", `${demo.folder}/exchange/ca.pem`, ...options, "--yes"],
      { env: { ...environment, ...Object.fromEntries(names.map((name) => [name.toUpperCase(), secrets[name]])) }, stdio: ["ignore", "ignore", "inherit"] });
    assert.deepEqual(await once(share, "exit"), [0, null]);
  }));

  // Nobody touches the page: the second release of both plans comes by server-sent events.
  await page.waitForSelector("#plans .dot");
  await page.waitForFunction(() => /1 earlier release, as points over time: all hold/.test(document.getElementById("checks").textContent));
  await demo.until(async () => (await json(`/${id}/releases`)).length === 4);
  assert.equal(await verdict(page), "good");
  assert.equal(await page.locator("#plans .dot").count(), 2);
  const shares = (await Promise.all((await released(id, "inequality")).map((release) => certified(id, release))))
    .map(({ results }) => results.find(({ path }) => path[0] === "gini").value).reverse();
  const truth = [PROVIDERS, 2 * PROVIDERS].map((count) => gini(support.holdings(count)));
  shares.forEach((share, index) => assert.ok(Math.abs(share - truth[index]) < 1e-12, `${share} is ${truth[index]}`));
  const drawn = await page.getAttribute("#plans svg[aria-label*='over time']", "aria-label");
  assert.deepEqual(drawn.match(/[\d.]+%/g), shares.map(percent), drawn);
  await page.screenshot({ path: `${artifacts}page-history.png`, fullPage: true });
  assert.deepEqual(seen.errors, []);
  await context.close();
});

test("refuses a number of an earlier release that was altered: it is a point of a line", async () => {
  const { context, page } = await support.open(browser);
  await altered(page, "**/releases", (releases) => {
    const oldest = releases.filter((release) => release.plan === "inequality").at(-1);
    oldest.results.find(({ path }) => path[0] === "gini").value += 0.1;
  });
  await page.goto(demo.address);
  assert.equal(await verdict(page), "wrong");
  assert.match((await wrong(page)).join("; "), /gini is shown as/);
  assert.match(await page.textContent("#warning"), /gini is shown as/);
  await context.close();
});

/** What the page finds wrong with each case: nothing, if it holds. */
async function onThePage(page, view, release, cases) {
  return page.evaluate(async ([survey, shown, list]) => {
    const { verify } = await import("/verify.js");
    const found = [];
    for (const one of list) {
      const wrong = [];
      try {
        const [signed, certificate] = [one.survey, one.certificate].map((text) => JSON.parse(text));
        const note = (text, outcome) => outcome.then(({ held, note: why }) => held || wrong.push(`${text}: ${why}`));
        const held = await verify(survey, signed, certificate, shown, note);
        if (!held && !wrong.length) wrong.push("no reason");
      } catch (error) {
        wrong.push(error.message);
      }
      found.push(wrong);
    }
    return found;
  }, [view, release, cases]);
}

/** What the command says: its code, and its words. */
function byCommand(id, release, { certificate, survey }) {
  writeFileSync(`${home}/survey.json`, survey);
  writeFileSync(`${home}/certificate.json`, certificate);
  const words = ["certificate", "verify", "certificate.json", "--survey", "survey.json", "--survey-id", id, "--release", String(release)];
  const { status, stdout, stderr } = spawnSync(binary, words, { cwd: home, encoding: "utf8" });
  return { status, stdout, stderr };
}

test("whatever is wrong with a certificate, the page refuses it, and so does the command", async () => {
  const { context, page } = await support.open(browser);
  await page.goto(demo.address);
  await verdict(page);
  const [view] = await json("");
  const survey = await json(`/${view.id}/definition`);
  const certificateOf = (release) => json(`/${view.id}/certificates/${release.release}`);
  const [newest, older] = await released(view.id, "inequality");
  const [other] = await released(view.id, "distribution");
  const [certificate, replayed, ofOther] = await Promise.all([newest, older, other].map(certificateOf));
  const seeds = [0, 1, 2].map((party) => /^identity = "(.*)"$/m.exec(readFileSync(`${demo.folder}/party${party}.key`, "utf8"))[1]);
  const list = await alterations({ certificate, older: replayed, other: ofOther, survey, seeds, page: hashes });

  const honest = list.shift();
  const [[nothing], onPage] = [await onThePage(page, view, newest, [honest]), await onThePage(page, view, newest, list)];
  assert.deepEqual(nothing, [], "signing again as the parties did gives a certificate that holds");
  assert.equal(byCommand(view.id, newest.release, honest).status, 0);

  assert.ok(list.length > 100, `${list.length} alterations`);
  const accepted = [];
  for (const [index, one] of list.entries()) {
    if (!onPage[index].length) accepted.push(`page: ${one.what}`);
    const { status, stdout, stderr } = byCommand(view.id, newest.release, one);
    if (status !== 1 || stdout !== "" || !/\S/.test(stderr)) accepted.push(`command: ${one.what}: ${status} ${stdout}${stderr}`);
  }
  assert.deepEqual(accepted, []);
  await context.close();
});
