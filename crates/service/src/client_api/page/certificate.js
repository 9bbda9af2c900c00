// The certificate panel: checks the certificates of what is shown in this browser, and says what was checked.

import { $, commandLine, element } from "./dom.js";
import { label, time } from "./format.js";
import { able, verify } from "./verify.js";

const WORDS = {
  running: "Checking…",
  good: "Your browser checked it: all three parties signed for these accounts, the copies of their shares agree, and the shares "
    + "add up to the numbers shown.",
  wrong: "This result does NOT hold. Do not rely on it.",
  missing: "The certificate could not be fetched, so nothing was checked. Do not rely on the numbers before it was.",
  unable: "This browser cannot check signatures, so nothing was checked: it is too old, or the page did not come by HTTPS. Do not "
    + "rely on the numbers before the command below, or another browser, has checked them.",
};

const SEAL = {
  running: "Checking the certificate…",
  good: "✓ Certificate checked by your browser",
  wrong: "✗ The certificate does NOT hold",
  missing: "✗ The certificate was NOT checked",
  unable: "✗ The certificate was NOT checked",
};

const WARNING = { wrong: "The numbers below do NOT hold.", missing: "The numbers below were NOT checked.",
  unable: "The numbers below were NOT checked: this browser cannot, or the page did not come by HTTPS." };

function definition(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, String(text))]));
}

/** The verdict, in the panel, at the top of the page, and above numbers that do not hold. */
function say(verdict) {
  $("certificate").dataset.verdict = verdict;
  $("certificate-text").textContent = WORDS[verdict];
  document.body.dataset.verdict = verdict;
  $("seal").hidden = false;
  $("seal").textContent = SEAL[verdict];
  $("seal").className = `seal ${verdict}`;
  $("warning").hidden = !WARNING[verdict];
  const failed = [...document.querySelectorAll("#checks li.wrong")].map(({ firstChild, lastChild }) =>
    `Not so: “${firstChild.textContent}” (${lastChild.textContent}).`);
  $("warning").textContent = [WARNING[verdict], ...new Set(failed)].join(" ");
}

/** Adds a line to `list` that says how a check came out, and why. */
function report(list, text, outcome) {
  const item = element("li", { class: "running" }, text);
  list.append(item);
  outcome.then(({ held, note }) => {
    item.className = held ? "good" : "wrong";
    item.append(element("span", { class: "visually-hidden" }, held ? " (holds)" : " (does not hold)"));
    if (note) item.append(element("small", {}, note));
  });
}

/** What the parties signed, word for word. */
function described(statement) {
  const list = element("dl");
  definition(list, [
    ["survey", statement.survey], ["release", statement.release], ["epochs", statement.epochs.join(", ")],
    ["accounts", statement.count], ["plan", statement.plan], ["dataset root", statement.dataset_root],
    ["session", statement.session],
    ["also opened", statement.leaks.join("; ") || "nothing but the result"],
    ["not proven", statement.self_reported.join(", ") || "every field is proven"],
  ]);
  return element("details", {}, element("summary", {}, "What exactly was signed"), list);
}

const name = (release) => `Release ${release.release}: ${label(release.plan)}, ${time(release.at)}`;
const file = (release) => `certificate-${release.release}.json`;

/** Offers what the page shows and, one by one, every release, newest first; keeps what was chosen. */
function offer(releases) {
  const chosen = $("certificate-release").value;
  const options = releases.map((release) => element("option", { value: String(release.release) }, name(release)));
  $("certificate-release").replaceChildren(element("option", { value: "" }, "All that this page shows"), ...options);
  $("certificate-release").value = releases.some((release) => String(release.release) === chosen) ? chosen : "";
  $("certificate-choice").hidden = releases.length < 2;
}

/** Runs the checks of one release, reporting them in `list`: good, wrong, or missing if there is nothing to check. */
async function check(survey, release, fetchJson, list) {
  const failed = (text) => (error) => report(list, text, Promise.resolve({ held: false, note: error.message }));
  const paths = ["definition", `certificates/${release.release}`].map((path) => `/api/surveys/${survey.id}/${path}`);
  const fetched = await Promise.all(paths.map(fetchJson)).catch(failed("Survey and certificate can be fetched"));
  if (!fetched) return "missing";
  try {
    const [signed, certificate] = fetched;
    const held = await verify(survey, signed, certificate, release, (text, outcome) => report(list, text, outcome));
    list.after(described(certificate.statement));
    return held ? "good" : "wrong";
  } catch (error) {
    failed("The certificate can be read")(error);
    return "wrong";
  }
}

/** Checks one release, in a part of `place` that opens by itself if something is wrong. */
async function checkOne(survey, release, fetchJson, place, open) {
  const list = element("ol", { class: "checks" });
  const title = element("h3", { class: "running" }, name(release));
  const part = element("details", open ? { open: "" } : {}, element("summary", {}, title), list);
  place.append(part);
  const verdict = await check(survey, release, fetchJson, list);
  title.className = verdict === "good" ? "good" : "wrong";
  title.append({ good: `: ${list.children.length} checks, all hold`, wrong: ": does not hold", missing: ": not checked" }[verdict]);
  if (verdict !== "good") {
    for (const outer of [part, place.closest("details")]) outer?.setAttribute("open", "");
  }
  return verdict;
}

/** A part of the panel for earlier releases, of which only a point in a line over time is shown. */
function fold(count) {
  const text = `${count} earlier ${count === 1 ? "release" : "releases"}, as points over time`;
  const part = element("details", {}, element("summary", {}, element("h3", { class: "running" }, text)));
  $("checks").append(part);
  return part;
}

/** Says over the earlier releases whether all of them hold. */
function close(part, verdicts) {
  const title = part.querySelector("h3");
  const held = verdicts.every((verdict) => verdict === "good");
  title.className = held ? "good" : "wrong";
  title.append(held ? ": all hold" : ": NOT all hold");
}

/** How to take survey and certificates home and check them there. */
function drawFiles(survey, releases) {
  const link = (name, path) => element("a", { class: "button", download: name, href: `/api/surveys/${survey.id}/${path}` }, `↓ ${name}`);
  $("certificate-id").textContent = survey.id;
  $("certificate-downloads").replaceChildren(link("survey.json", "definition"),
    ...releases.map((release) => link(file(release), `certificates/${release.release}`)));
  const commands = releases.map((release) => commandLine(
    survey.verify_command.replace("{file}", file(release)).replace("{release}", release.release)));
  $("certificate-command").replaceChildren(...commands.flatMap((command, index) => [...(index ? ["\n"] : []), ...command]));
}

let turn = 0;

/** Checks `newest`, and then `older`, of which the page shows less. */
async function checkAll(survey, newest, older, fetchJson) {
  const mine = turn += 1;
  $("checks").replaceChildren();
  say("running");
  drawFiles(survey, newest);
  if (!await able()) return say("unable");
  const verdicts = [];
  let folded;
  for (const release of [...newest, ...older]) {
    const place = older.includes(release) ? folded ??= fold(older.length) : $("checks");
    verdicts.push(await checkOne(survey, release, fetchJson, place, release === newest[0]));
    // A newer check has taken the panel over.
    if (mine !== turn) return undefined;
  }
  if (folded) close(folded, verdicts.slice(newest.length));
  return say(["wrong", "missing"].find((verdict) => verdicts.includes(verdict)) ?? "good");
}

/**
 * Shows the panel: checks what the page shows, which is `newest` in full and of `older` a point in a history, or the one of all
 * `releases` that was chosen.
 */
export async function drawCertificate(survey, releases, { newest, older }, fetchJson) {
  $("certificate").hidden = releases.length === 0;
  if (!releases.length) return;
  offer(releases);
  const again = () => {
    const chosen = releases.filter((release) => String(release.release) === $("certificate-release").value);
    return chosen.length ? checkAll(survey, chosen, [], fetchJson) : checkAll(survey, newest, older, fetchJson);
  };
  $("check-again").onclick = again;
  $("seal").onclick = () => {
    $("certificate").scrollIntoView();
    $("certificate").focus({ preventScroll: true });
  };
  $("certificate-release").onchange = again;
  await again();
}
