// Fetches a survey, draws it, and keeps it drawn: the server announces every change.

import { gauge, histogram, history, lorenz } from "./charts.js";
import { $, element } from "./dom.js";
import { label, number, time } from "./format.js";
import { verify } from "./verify.js";

const state = { survey: null, releases: [], events: null };

async function json(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? response.statusText);
  return response.json();
}

/** Entries with one label are numbers of their own; entries with more belong to a series or a table. */
function grouped(rows) {
  const single = rows.filter((row) => row.path.length === 1);
  const series = new Map();
  for (const row of rows.filter((entry) => entry.path.length > 1)) {
    const [name, ...rest] = row.path;
    series.set(name, [...(series.get(name) ?? []), { ...row, label: rest.join(" ") }]);
  }
  return { single, series };
}

function isShare(name) {
  return name === "gini" || name.endsWith("_gini");
}

function drawHeadline(row) {
  const title = label(row.path[0]);
  const image = isShare(row.path[0]) && row.value !== null ? [gauge(title, row.value)] : [
    element("p", { class: "number" }, number(row)), element("p", { class: "quiet" }, row.unit ?? ""),
  ];
  const release = state.releases[0];
  $("headline").replaceChildren(
    element("h3", {}, title), ...image,
    element("p", { class: "quiet" }, `Release ${release.release}, ${release.count} accounts, ${time(release.at)}`),
  );
}

function card(row) {
  const unit = row.unit && !row.withheld ? [element("span", { class: "unit" }, ` ${row.unit}`)] : [];
  const error = row.error > 0 && row.exact === undefined
    ? [element("p", { class: "error" }, `± ${row.error.toExponential(1)}`)] : [];
  const exact = row.exact?.length > 8 ? [element("p", { class: "error" }, `exactly ${row.exact}`)] : [];
  return element("article", { class: "card" },
    element("h3", {}, label(row.path[0])),
    element("p", { class: "number" }, number(row), ...unit), ...error, ...exact);
}

function drawSeries(series) {
  return [...series].map(([name, entries]) => {
    const points = entries.map((entry) => [Number(entry.label), entry.value]);
    const curve = name.includes("lorenz") && points.every(([x, y]) => Number.isFinite(x) && y !== null);
    return curve ? lorenz(label(name), points) : histogram(label(name), entries);
  });
}

/** The headline over the releases, oldest first. */
function drawHistory(name) {
  const points = state.releases
    .map((release) => ({ at: release.at, value: release.results.find((row) => row.path.join() === name)?.value }))
    .filter((point) => typeof point.value === "number")
    .reverse();
  return points.length > 1 ? [history(`${label(name)} over time`, points)] : [];
}

function drawResults() {
  const [latest] = state.releases;
  $("result").hidden = !latest;
  if (!latest) return $("charts").replaceChildren();
  const { single, series } = grouped(latest.results);
  const headline = single.find((row) => isShare(row.path[0])) ?? single[0];
  if (headline) drawHeadline(headline);
  $("cards").replaceChildren(...single.filter((row) => row !== headline).map(card));
  $("charts").replaceChildren(...drawSeries(series), ...(headline ? drawHistory(headline.path[0]) : []));
}

function drawProgress() {
  const { status } = state.survey;
  $("progress").hidden = state.releases.length > 0;
  $("progress-text").textContent = status.open_accounts >= status.minimum
    ? `${status.open_accounts} accounts have answered. The first result is on its way.`
    : `${status.open_accounts} of at least ${status.minimum} accounts have answered.`;
  $("progress-bar").max = status.minimum;
  $("progress-bar").value = Math.min(status.open_accounts, status.minimum);
}

function drawIntro() {
  const { survey } = state;
  document.title = `${survey.title} · mpcstats`;
  $("title").textContent = survey.title;
  $("description").textContent = survey.description;
  const next = survey.next_release_at ? ` The next is expected by ${time(survey.next_release_at)}.` : "";
  const last = state.releases[0] ? ` The last release was ${time(state.releases[0].at)}.` : "";
  $("safety").textContent = `Answers are proven by notarized TLS, split among ${survey.parties.join(", ")}, and never put `
    + `together; no one of the three can read a value. ${survey.status.accepted} accounts have taken part.${last}${next}`;
}

function drawJoin() {
  const { survey } = state;
  $("join").hidden = !survey.status.open;
  $("join-text").textContent = `Takes about a minute. Open until ${time(survey.closes_at)}.`;
  $("join-command").textContent = survey.join_command;
  $("join-qr").src = `/api/surveys/${survey.id}/qr.svg`;
}

function definition(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([term, text]) => [element("dt", {}, term), element("dd", {}, String(text))]));
}

async function checkCertificate() {
  const [latest] = state.releases;
  const { survey } = state;
  const path = `/api/surveys/${survey.id}/certificates/${latest.release}`;
  const list = $("checks");
  list.replaceChildren();
  $("certificate").hidden = false;
  $("certificate").dataset.verdict = "running";
  $("certificate-text").textContent = "Checking…";
  const report = (text, outcome) => {
    const item = element("li", { class: "running" }, text);
    list.append(item);
    outcome.then((held) => { item.className = held ? "good" : "wrong"; });
  };
  let held = false;
  try {
    const [signed, certificate] = await Promise.all([json(`/api/surveys/${survey.id}/definition`), json(path)]);
    held = await verify(survey.id, signed, certificate, report);
    const { statement } = certificate;
    definition($("statement"), [
      ["survey", statement.survey], ["release", statement.release], ["epochs", statement.epochs.join(", ")],
      ["accounts", statement.count], ["plan", statement.plan], ["dataset root", statement.dataset_root],
      ["session", statement.session],
      ["also opened", statement.leaks.join("; ") || "nothing but the result"],
      ["not proven", statement.self_reported.join(", ") || "every field is proven"],
    ]);
  } catch (error) {
    report(`The certificate could not be read: ${error.message}`, Promise.resolve(false));
  }
  $("certificate").dataset.verdict = held ? "good" : "wrong";
  $("certificate-text").textContent = held
    ? "Checked here, in this browser: all three parties signed this result over this data set."
    : "This certificate does NOT hold. Do not rely on the result shown.";
  $("certificate-download").href = path;
  $("certificate-download").download = `certificate-${latest.release}.json`;
  $("certificate-command").textContent = survey.verify_command.replace("{file}", `certificate-${latest.release}.json`);
}

async function refresh() {
  const id = state.survey.id;
  const before = state.releases[0]?.release;
  [state.survey, state.releases] = await Promise.all([json(`/api/surveys/${id}`), json(`/api/surveys/${id}/releases`)]);
  drawIntro();
  drawProgress();
  drawResults();
  drawJoin();
  if (state.releases[0] && state.releases[0].release !== before) await checkCertificate();
}

function live(text, kind) {
  $("live").textContent = text;
  $("live").className = `live ${kind}`;
}

function listen() {
  state.events?.close();
  const events = new EventSource(`/api/surveys/${state.survey.id}/events`);
  state.events = events;
  events.onopen = () => live("Live", "on");
  events.onerror = () => live("Reconnecting…", "off");
  for (const kind of ["status", "release"]) {
    events.addEventListener(kind, () => refresh().catch((error) => live(error.message, "off")));
  }
}

function drawNavigation(surveys) {
  const nav = $("surveys");
  nav.hidden = surveys.length < 2;
  nav.replaceChildren(...surveys.map((survey) => element("a", {
    href: `#${survey.id}`, ...(survey.id === state.survey.id ? { "aria-current": "page" } : {}),
  }, survey.title)));
}

async function start() {
  const surveys = await json("/api/surveys");
  if (!surveys.length) {
    $("title").textContent = "No survey is being served yet";
    return live("Waiting", "off");
  }
  state.survey = surveys.find((survey) => survey.id === location.hash.slice(1)) ?? surveys[0];
  state.releases = [];
  drawNavigation(surveys);
  listen();
  await refresh();
}

async function copy() {
  await navigator.clipboard.writeText($("join-command").textContent);
  $("join-copy").textContent = "Copied";
  setTimeout(() => { $("join-copy").textContent = "Copy"; }, 2000);
}

function run() {
  start().catch((error) => {
    $("title").textContent = "The survey cannot be shown";
    $("description").textContent = error.message;
    live("Offline", "off");
  });
}

$("join-copy").addEventListener("click", () => copy().catch(() => $("join-command").focus()));
$("check-again").addEventListener("click", () => checkCertificate());
addEventListener("hashchange", run);
run();
