// Draws what was released: a headline, a card for each number, charts for series, and the headline's history.

import { gauge, histogram, history, lorenz } from "./charts.js";
import { $, element } from "./dom.js";
import { fraction, label, number, time } from "./format.js";

/** Entries with one label are numbers of their own; entries with more belong to a series or a table. */
function grouped(rows) {
  const single = rows.filter((row) => row.path.length === 1);
  const series = new Map();
  for (const row of rows.filter((entry) => entry.path.length > 1)) {
    const [name, ...rest] = row.path;
    series.set(name, [...(series.get(name) ?? []), { ...row, label: rest.join(", ") }]);
  }
  return { single, series };
}

function isShare(row) {
  return row.path[0] === "gini" || row.path[0].endsWith("_gini");
}

/** The newest release of each plan, in the order of the survey's plans. */
function latest(survey, releases) {
  return survey.plans
    .map((plan) => ({ plan, release: releases.find((release) => release.plan === plan.name) }))
    .filter(({ release }) => release);
}

function headline(row, release) {
  const title = label(row.path[0]);
  const image = isShare(row) && row.value !== null
    ? [gauge(title, row.value), element("p", { class: "quiet" }, `${number(row)}: 0 if all hold the same, 1 if one holds everything.`)]
    : [element("p", { class: "number" }, number(row), ...unit(row))];
  return element("div", { class: "card headline" }, element("h3", {}, title), ...image,
    element("p", { class: "quiet" }, `Release ${release.release}: ${release.count} accounts, ${time(release.at)}`));
}

function unit(row) {
  return row.unit && !row.withheld ? [" ", element("span", { class: "unit" }, row.unit)] : [];
}

/** An error bound is worth a line where it could be seen in the digits shown. */
function card(row) {
  const notes = [];
  if (row.exact?.length > 8) notes.push(`exactly ${row.exact}`);
  if (row.error > 1e-7 * Math.abs(row.value)) notes.push(`± ${row.error.toExponential(1)}`);
  return element("article", { class: row.withheld ? "card withheld" : "card" },
    element("h3", {}, label(row.path[0])),
    element("p", { class: "number" }, number(row), ...unit(row)),
    ...notes.map((note) => element("p", { class: "note" }, note)));
}

/** Why there is nothing to draw. */
function empty(what, minimum, [entry]) {
  const why = entry.withheld === "too_few"
    ? `Withheld: it would tell of fewer than ${minimum} accounts. It appears when enough have answered.`
    : number(entry);
  return element("article", { class: "card withheld" }, element("h3", {}, what), element("p", { class: "quiet" }, why));
}

function chart([name, entries], minimum) {
  if (entries.every((entry) => entry.withheld)) return empty(name.includes("lorenz") ? "Lorenz curve" : label(name), minimum, entries);
  if (!name.includes("lorenz")) return histogram(label(name), entries, minimum);
  const points = entries.map((entry) => [fraction(entry.label), entry.value]).filter(([, value]) => value !== null);
  const missing = entries.length - points.length;
  return lorenz(missing ? `Lorenz curve (${missing} of ${entries.length} points withheld)` : "Lorenz curve", points);
}

/** How many releases a line over time shows: the newest. */
const HISTORY = 50;

/** The one that stands large: a share of one holder, or the first number of a plan without series. */
function top(release) {
  const { single, series } = grouped(release.results);
  return single.find(isShare) ?? (series.size ? undefined : single[0]);
}

/** The releases behind a line over time, newest first: those of the same plan that give the number a value. */
function past(row, releases, release) {
  const value = (other) => other.results.find((entry) => entry.path.join("\n") === row.path.join("\n"))?.value;
  return releases
    .filter((other) => other.plan === release.plan)
    .map((other) => ({ release: other, at: other.at, value: value(other) }))
    .filter((point) => typeof point.value === "number")
    .slice(0, HISTORY);
}

function overTime(row, releases, release) {
  const points = past(row, releases, release).reverse();
  return points.length > 1 ? [history(`${label(row.path[0])} over time`, points, isShare(row))] : [];
}

/** More cards than this stand in rows of their own, and not beside the headline. */
const BESIDE = 8;

function section({ plan, release }, releases, several, minimum) {
  const { single, series } = grouped(release.results);
  const first = top(release);
  const cards = single.filter((row) => row.path !== first?.path).map(card);
  const charts = [...[...series].map((one) => chart(one, minimum)), ...(first ? overTime(first, releases, release) : [])];
  const words = plan.description || label(plan.name);
  const beside = first && cards.length > 0 && cards.length <= BESIDE;
  return element("section", { class: beside ? "plan wide" : "plan", "aria-label": words },
    ...(several ? [element("h2", {}, words)] : []),
    ...(first ? [headline(first, release)] : []),
    ...(cards.length ? [element("div", { class: "cards" }, ...cards)] : []),
    ...(charts.length ? [element("div", { class: "charts" }, ...charts)] : []),
    ...(first ? [] : [element("p", { class: "quiet" }, `Release ${release.release}: ${release.count} accounts, ${time(release.at)}`)]));
}

/** What the page shows: the newest release of each plan in full, and of `older` ones a point in a line over time. */
export function shown(survey, releases) {
  const newest = latest(survey, releases).map(({ release }) => release);
  const points = newest.flatMap((release) => (top(release) ? past(top(release), releases, release) : []));
  const older = points.map((point) => point.release).filter((release) => !newest.includes(release));
  return { newest, older };
}

/** Draws the newest release of each plan. */
export function drawResults(survey, releases) {
  const plans = latest(survey, releases);
  $("result").hidden = plans.length === 0;
  $("plans").replaceChildren(...plans.map((one) => section(one, releases, plans.length > 1, survey.status.minimum)));
}
