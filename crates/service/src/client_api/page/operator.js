// The operator's view: queue, parties, refusals by reason, throughput. The token stays in this tab.

import { $, element } from "./dom.js";
import { ago, label } from "./format.js";

const EVERY = 5000;
/** A party that has been silent for so many seconds is away. */
const SILENCE = 30;
let timer;

function live(text, kind) {
  $("live").textContent = text;
  $("live").className = `live ${kind}`;
}

function card(name, value) {
  return element("article", { class: "card" }, element("h3", {}, name), element("p", { class: "number" }, String(value)));
}

function rows(id, pairs, empty) {
  const body = pairs.length ? pairs : [[empty, ""]];
  $(id).replaceChildren(...body.map(([name, value, kind]) =>
    element("tr", kind ? { class: kind } : {}, element("td", {}, name), element("td", {}, String(value)))));
}

function party({ name, seen_at: seen }, now) {
  const here = now - seen < SILENCE;
  return [name, here ? ago(seen, now) : `away, last heard of ${ago(seen, now)}`, here ? "here" : "away"];
}

const REFUSED = { 401: "The token is not right", 404: "This server names no operator's token" };

async function show() {
  const response = await fetch("/api/operator", { headers: { authorization: `Bearer ${$("token").value}` } });
  if (!response.ok) {
    clearInterval(timer);
    return live(REFUSED[response.status] ?? `The server answered ${response.status}`, "off");
  }
  // The server's clock, by which it heard of the parties: this machine's may be another.
  const now = Date.parse(response.headers.get("date")) / 1000 || Date.now() / 1000;
  const view = await response.json();
  live("Live", "on");
  $("enter").hidden = true;
  $("board").hidden = false;
  $("cards").replaceChildren(
    card("Queued", view.queued), card("Accepted", view.accepted), card("Epochs", view.epochs),
    card("In the last minute", view.accepted_last_minute), card("Releases", view.releases));
  rows("parties", view.parties.map((one) => party(one, now)), "None");
  rows("refusals", view.refusals.sort((a, b) => b.count - a.count).map((refusal) => [label(refusal.code), refusal.count]), "None so far");
}

const look = () => show().catch(() => live("The server cannot be reached", "off"));

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  clearInterval(timer);
  timer = setInterval(look, EVERY);
  look();
});
