// Fetches a survey, draws it, and keeps it drawn: the server announces every change.

import { drawCertificate } from "./certificate.js";
import { flow } from "./charts.js";
import { $, commandLine, element } from "./dom.js";
import { time } from "./format.js";
import { drawResults, shown } from "./results.js";

const state = { survey: null, releases: [], events: null };
/** How long to wait before a server that did not answer is asked again, in milliseconds. */
const AGAIN = 5000;

async function json(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } })
    .catch(() => { throw new Error("The server cannot be reached"); });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail || `the server answered ${response.status}`);
  return response.json();
}

/** Whether the survey is past its end; one that is not open may also be before its beginning. */
const over = ({ status, closes_at: end }) => !status.open && status.now > end;

/** Whether an epoch has closed of which there is no release yet. */
const computing = () => state.survey.status.epochs > (state.releases[0]?.epochs.length ?? 0);

/** How far the survey is from its first result: a title and a sentence. */
function progress(survey) {
  const { open_accounts: accounts, accepted, minimum } = survey.status;
  if (accounts >= minimum || computing()) return ["Enough have answered", `${accepted} accounts have answered. The first result is on its way.`];
  if (over(survey)) return ["Closed before enough had answered", `${accounts} accounts have answered, ${minimum} are needed: there is no result.`];
  return ["Waiting for enough answers", `${accounts} of at least ${minimum} accounts have answered`];
}

function drawProgress() {
  const { status } = state.survey;
  const [title, text] = progress(state.survey);
  $("progress").hidden = state.releases.length > 0;
  $("progress-title").textContent = title;
  $("progress-text").textContent = text;
  $("progress-bar").max = status.minimum;
  $("progress-bar").value = computing() ? status.minimum : Math.min(status.open_accounts, status.minimum);
}

/** When the next release comes, as far as that can be said. */
function next() {
  const { survey } = state;
  const { status } = survey;
  if (computing()) return "on its way";
  if (survey.next_release_at) return `by ${time(survey.next_release_at)}`;
  if (over(survey)) return "none: closed";
  return `after ${Math.max(1, status.minimum - status.open_accounts)} more accounts`;
}

function period(survey) {
  if (survey.status.open) return ["Open until", time(survey.closes_at)];
  return over(survey) ? ["Closed since", time(survey.closes_at)] : ["Opens", time(survey.opens_at)];
}

function drawIntro() {
  const { survey } = state;
  document.title = `${survey.title} · mpcstats`;
  $("title").textContent = survey.title;
  $("description").textContent = survey.description;
  $("safety").textContent = `Answers are proven by notarized TLS, split among ${survey.parties.join(", ")}, and never put `
    + "together. No one of the three can read a value or change a result unnoticed.";
  const facts = [
    ["Providers", survey.status.accepted],
    ["Last release", state.releases[0] ? time(state.releases[0].at) : "none yet"],
    ["Next release", next()],
    period(survey),
  ];
  $("facts").hidden = false;
  $("picture").replaceChildren(flow(survey.parties));
  $("facts").replaceChildren(...facts.map(([term, text]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, String(text)))));
}

/** Text in which commands stand between backticks. */
function coded(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function drawJoin() {
  const { survey } = state;
  $("join").hidden = !survey.status.open;
  $("join-command").replaceChildren(...commandLine(survey.join_command));
  $("join-typed").hidden = survey.answers.length === 0;
  $("join-answers").replaceChildren(...survey.answers.map((answer) => element("li", {}, ...coded(answer))));
  $("join-needs").replaceChildren(...survey.needs.map((need) => element("li", {}, ...coded(need))));
  $("join-qr").src = `/api/surveys/${survey.id}/qr.svg`;
}

/** Draws what the server says now of the survey `id`, unless another was chosen while it answered. */
async function draw(id) {
  const [survey, releases] = await Promise.all([json(`/api/surveys/${id}`), json(`/api/surveys/${id}/releases`)]);
  if (state.survey.id !== id) return;
  const before = state.releases[0]?.release;
  Object.assign(state, { survey, releases });
  drawIntro();
  drawProgress();
  drawResults(state.survey, state.releases);
  drawJoin();
  if (!state.releases[0] || state.releases[0].release !== before) {
    drawCertificate(state.survey, state.releases, shown(state.survey, state.releases), json).catch((error) => live(error.message, "off"));
  }
}

let drawing = Promise.resolve();
let waiting = false;

/** Draws once what is being drawn is done: answers then come in order, and any number of announcements cost one more look. */
function refresh() {
  if (!waiting) {
    waiting = true;
    drawing = drawing.catch(() => {}).then(() => {
      waiting = false;
      return draw(state.survey.id);
    });
  }
  return drawing;
}

function live(text, kind) {
  $("live").textContent = text;
  $("live").className = `live ${kind}`;
}

function listen() {
  state.events?.close();
  const events = new EventSource(`/api/surveys/${state.survey.id}/events`);
  state.events = events;
  const look = () => refresh().catch((error) => live(error.message, "off"));
  events.onopen = () => {
    live("Live", "on");
    // What changed while nobody listened was not announced.
    look();
  };
  events.onerror = () => {
    live("Reconnecting…", "off");
    // A browser tries again by itself, unless it got an answer: a proxy's, while the server starts anew.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => state.events === events && listen(), AGAIN);
  };
  for (const kind of ["status", "release"]) events.addEventListener(kind, look);
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
    setTimeout(run, AGAIN);
    return live("Waiting", "off");
  }
  state.survey = surveys.find((survey) => survey.id === location.hash.slice(1)) ?? surveys[0];
  state.releases = [];
  drawNavigation(surveys);
  listen();
  await refresh();
}

/** Copies the command; where a browser does not let a page do that, selects it. */
async function copy() {
  const command = $("join-command");
  const said = await Promise.resolve().then(() => navigator.clipboard.writeText(command.textContent)).then(() => "Copied", () => {
    getSelection().selectAllChildren(command);
    return "Selected: now copy";
  });
  $("join-copy").textContent = said;
  setTimeout(() => { $("join-copy").textContent = "Copy"; }, 4000);
}

function run() {
  start().catch((error) => {
    $("title").textContent = "The survey cannot be shown";
    $("description").textContent = `${error.message}. This page tries again by itself.`;
    live("Offline", "off");
    setTimeout(run, AGAIN);
  });
}

$("join-copy").addEventListener("click", copy);
// The fragment names a survey; others, such as the link to the result, are places on the page.
addEventListener("hashchange", () => /^#[0-9a-f]{64}$/.test(location.hash) && run());
run();
