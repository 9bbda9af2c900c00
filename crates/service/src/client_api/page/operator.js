// The operator's view: queue, parties, refusals by reason, throughput. The token stays in this tab.

import { $, element } from "./dom.js";
import { ago, label } from "./format.js";

const EVERY = 5000;
let timer;

function card(name, value) {
  return element("article", { class: "card" }, element("h3", {}, name), element("p", { class: "number" }, String(value)));
}

function rows(id, pairs, empty) {
  const body = pairs.length ? pairs : [[empty, ""]];
  $(id).replaceChildren(...body.map(([name, value]) =>
    element("tr", {}, element("td", {}, name), element("td", {}, String(value)))));
}

async function show() {
  const response = await fetch("/api/operator", { headers: { authorization: `Bearer ${$("token").value}` } });
  if (!response.ok) {
    clearInterval(timer);
    $("live").textContent = response.status === 401 ? "The token is not right" : `The server answered ${response.status}`;
    return;
  }
  const view = await response.json();
  $("live").textContent = "Live";
  $("live").className = "live on";
  $("enter").hidden = true;
  $("board").hidden = false;
  $("cards").replaceChildren(
    card("Queued", view.queued), card("Accepted", view.accepted), card("Epochs", view.epochs),
    card("Accepted in the last minute", view.accepted_last_minute), card("Releases", view.releases));
  rows("parties", view.parties.map((party) => [party.name, ago(party.seen_at)]), "None");
  rows("refusals", view.refusals.map((refusal) => [label(refusal.code), refusal.count]), "None so far");
}

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  clearInterval(timer);
  timer = setInterval(() => show().catch(() => {}), EVERY);
  show().catch(() => { $("live").textContent = "The server cannot be reached"; });
});
