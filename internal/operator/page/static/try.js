// SPDX-License-Identifier: Apache-2.0
// An event that is typed in, decided while it is typed.
import { ask, byId, make } from "./app.js";
import { explained } from "./story.js";

const pause = 150; // milliseconds without a key before the event is decided

let timer, asked;
let number = "0"; // of the event that is shown: it is sent as it was decided

function typed() {
  const kind = document.querySelector("input[name=kind]:checked").value;
  if (kind === "object") {
    return { kind, object: byId("object").value.trim(), change: byId("change").value, size: Math.max(0, Math.trunc(Number(byId("size").value)) || 0) };
  }
  if (kind === "event") return { kind, json: byId("json").value };
  const attributes = {};
  for (const line of byId("attributes").value.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) attributes[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  return { kind, data: byId("data").value, topic: byId("topic").value.trim(), attributes };
}

const isEmpty = (event) => !(event.object || event.data || event.json);

async function decide() {
  asked?.abort();
  asked = new AbortController();
  const event = typed(), to = byId("explanation");
  byId("send").disabled = byId("keep").disabled = isEmpty(event);
  if (isEmpty(event)) {
    to.replaceChildren(make("p", { class: "hint" }, "Type an event: each route shows at once whether it matches, why, and what it would start."));
    return;
  }
  try {
    const answer = await ask("/api/explain", event, asked.signal);
    number = answer.number;
    to.replaceChildren(explained(answer.events));
  } catch (error) {
    if (error.name !== "AbortError") to.replaceChildren(make("p", { class: "bad" }, error.message));
  }
}

async function send(event) {
  event.preventDefault();
  const sent = byId("sent");
  sent.textContent = "sending…";
  try {
    const answer = await ask("/api/send", { ...typed(), number });
    const body = JSON.parse(answer.response);
    const outcomes = (body.outcomes || []).map((o) => `${o.outcome} ${[o.route, o.dag_run_id].filter(Boolean).join(" ")}`);
    sent.textContent = `${answer.status} ${outcomes.join(", ") || body.error || ""}`;
  } catch (error) {
    sent.textContent = error.message;
  }
}

async function keep() {
  const sent = byId("sent");
  try {
    const answer = await ask("/api/examples", { name: byId("name").value, event: typed() });
    sent.textContent = "saved in " + answer.path;
  } catch (error) {
    sent.textContent = error.message;
  }
}

function kinds() {
  const kind = document.querySelector("input[name=kind]:checked").value;
  for (const fields of document.querySelectorAll("[data-kind]")) fields.hidden = fields.dataset.kind !== kind;
}

export function startTry(about) {
  const form = byId("event");
  byId("send").hidden = !about.sends;
  byId("keep").hidden = byId("name").parentElement.hidden = !about.tests;
  form.addEventListener("submit", send);
  byId("keep").addEventListener("click", keep);
  form.addEventListener("input", (event) => {
    if (event.target.id === "name") return;
    kinds();
    byId("sent").textContent = "";
    clearTimeout(timer);
    timer = setTimeout(decide, pause);
  });
  return () => { kinds(); decide(); };
}
