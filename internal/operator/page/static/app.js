// SPDX-License-Identifier: Apache-2.0
// The tabs, and what all views share. Text from events is only ever put into text nodes.
import { startEvents } from "./events.js";
import { startRoutes } from "./routes.js";
import { startTry } from "./try.js";

export const byId = (id) => document.getElementById(id);

// make is an element with attributes and children; text becomes text nodes.
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null && child !== ""));
  return element;
}

// ask sends a request and returns the JSON answer; an error has the answer's words.
export async function ask(path, body, signal) {
  const options = { signal, headers: { "X-Dagtrigger-Page": "1" } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error || response.statusText), { answer });
  return answer;
}

const titles = { now: "Now", log: "Log", routes: "Routes", try: "Try" };
const shown = {};

function show(view, focus) {
  for (const tab of byId("tabs").children) {
    const isShown = tab.dataset.view === view;
    tab.setAttribute("aria-selected", isShown);
    tab.tabIndex = isShown ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !isShown;
    if (isShown && focus) tab.focus();
  }
  history.replaceState(null, "", "#" + view);
  shown[view]?.();
}

function tabKeys(event) {
  const tabs = [...byId("tabs").children];
  const at = tabs.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  show(tabs[(to + tabs.length) % tabs.length].dataset.view, true);
}

async function start() {
  const about = await ask("/api/about");
  for (const view of about.views) {
    const panel = view === "now" || view === "log" ? "events" : view;
    const tab = make("button", { type: "button", role: "tab", id: "tab-" + panel, "aria-controls": panel }, titles[view]);
    tab.dataset.view = view;
    tab.addEventListener("click", () => show(view));
    byId("tabs").append(tab);
  }
  byId("tabs").addEventListener("keydown", tabKeys);
  if (about.views.includes("now") || about.views.includes("log")) shown.now = shown.log = startEvents(about);
  if (about.views.includes("routes")) {
    shown.routes = startRoutes(about);
    shown.try = startTry(about);
  }
  const wanted = location.hash.slice(1);
  show(about.views.includes(wanted) ? wanted : about.views[0]);
  addEventListener("hashchange", () => about.views.includes(location.hash.slice(1)) && show(location.hash.slice(1)));
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => { byId("connection").textContent = "The page could not start: " + error.message; });
