// SPDX-License-Identifier: Apache-2.0
// The whole story of an event, and what a route makes of one.
import { ask, byId, make } from "./app.js";
import { outcome, place, what } from "./events.js";

const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
};

const block = (text) => make("pre", {}, pretty(text));

function facts(...pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) {
    if (value) list.append(make("dt", {}, name), make("dd", {}, value));
  }
  return list;
}

function tree(parts) {
  const list = make("ul", { class: "tree" });
  for (const part of parts) {
    const isBad = part.failed || part.value === "false";
    list.append(make("li", {}, part.text + " is ", make("span", { class: isBad ? "bad" : part.value === "true" ? "good" : "" }, part.value),
      part.parts ? tree(part.parts) : ""));
  }
  return list;
}

function run(result) {
  const r = result.run;
  return make("div", {},
    facts(["starts", r.dag_id || r.asset], ["environment", r.environment], ["run id", r.dag_run_id], ["run key", r.run_key]),
    make("div", { class: "small" }, `${r.method} ${r.url}${r.at ? " at " + r.at : ""}`), block(JSON.stringify(r.body)));
}

// route is what a route makes of an event, as "dagtrigger explain" shows it.
function route(result) {
  const says = result.error ? "fails" : result.matched ? "matches" : "does not match";
  const card = make("div", { class: "route" },
    make("strong", {}, result.route), " ", make("span", { class: result.error ? "bad" : result.matched ? "good" : "small" }, says),
    result.shadow ? " (shadow: it starts nothing)" : "",
    result.error || result.reason ? make("div", {}, result.error || result.reason) : "");
  if (result.vars) card.append(make("div", { class: "small" }, "vars"), tree(result.vars));
  if (result.when) card.append(make("div", { class: "small" }, "when"), tree([result.when]));
  if (result.set) {
    card.append(make("div", {}, `waits for the set gs://${result.set.bucket}/${result.set.prefix}`, result.set.incomplete ? ": " + result.set.incomplete : ""));
  }
  if (result.run) card.append(run(result));
  return card;
}

// explained is what the routes make of the events of a request.
export function explained(events) {
  const all = make("div");
  for (const e of events) {
    if (events.length > 1) all.append(make("h3", {}, `${e.event.type} ${e.event.subject || e.event.id}`));
    if (e.error) all.append(make("p", { class: "bad" }, e.error));
    for (const r of e.routes || []) all.append(route(r));
    if (!e.error && !(e.routes || []).some((r) => (r.matched || r.error) && !r.shadow)) {
      all.append(make("p", {}, "No route matches: the event is acknowledged and starts no run."));
    }
  }
  return all;
}

function section(title, ...children) {
  return [make("h3", {}, title), ...children];
}

function fill(s) {
  const parts = byId("parts");
  parts.replaceChildren(facts(["received", s.at], ["event id", s.id], ["type", s.type], ["source", s.source], ["subject", s.subject],
    ["response", s.status ? String(s.status) : "not answered yet"]));
  if (s.reason) parts.append(make("p", { class: "bad" }, s.reason));
  if (s.outcomes?.length) parts.append(...section("Outcomes", ...s.outcomes.map(outcome)));
  if (s.note) parts.append(make("p", { class: "hint" }, s.note));
  const object = place(s).startsWith("gs://") && s.subject.startsWith("objects/") ? place(s) + "/" + what(s) : "";
  if (object && byId("tab-try")) {
    const again = make("button", { type: "button" }, "Try " + object);
    again.addEventListener("click", () => {
      byId("story").close();
      byId("object").value = object;
      byId("tab-try").click();
    });
    parts.append(again);
  }
  if (s.headers?.length || s.body) {
    parts.append(...section("Envelope", make("pre", {}, (s.headers || []).map((h) => `${h.Name}: ${h.Value}`).join("\n")), block(s.body)));
  }
  if (s.explanation?.length) parts.append(...section("Routes", explained(s.explanation)));
  for (const c of s.calls || []) {
    parts.append(...section("Request to Airflow", make("div", {}, `${c.method} ${c.path}`), c.body ? block(c.body) : ""),
      ...section("Airflow's answer", make("div", {}, c.error || `${c.status} after ${c.milliseconds} ms`), c.answer ? block(c.answer) : ""));
  }
  if (s.response) parts.append(...section("Response", block(s.response)));
  if (s.lines?.length) parts.append(...section("Log", ...s.lines.map(block)));
}

// story opens the story of an event. Escape closes it, and the list has the keyboard again.
export async function story(number) {
  const dialog = byId("story");
  byId("story-title").textContent = "Event " + number;
  byId("parts").replaceChildren("…");
  if (!dialog.open) dialog.showModal();
  try {
    const s = await ask("/api/events/" + number);
    byId("story-title").textContent = `${what(s)} from ${place(s)}`;
    fill(s);
  } catch (error) {
    byId("parts").replaceChildren(make("p", { class: "bad" }, error.message));
  }
}
