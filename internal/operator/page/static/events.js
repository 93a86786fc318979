// SPDX-License-Identifier: Apache-2.0
// The list of events. Only the rows that are in sight are in the document.
import { ask, byId, make } from "./app.js";
import { story } from "./story.js";

const most = 10000; // events; the server keeps no more
const beyond = 8; // rows that are made above and below what is in sight

const rows = new Map(); // by number
let newest = []; // all rows that the filter lets through, the newest first
let selected = 0; // the number of the row that has the keyboard
let drawing = false;

export const what = (row) => row.subject.replace(/^objects\//, "") || row.type || "event";

export function place(row) {
  const bucket = row.source.match(/^\/\/storage\.googleapis\.com\/projects\/_\/buckets\/(.+)$/);
  const topic = row.source.match(/\/topics\/(.+)$/);
  return bucket ? "gs://" + bucket[1] : topic ? "topic " + topic[1] : row.source;
}

export function outcome(o) {
  return make("div", {},
    make("span", { class: "badge outcome-" + o.outcome }, o.outcome + (o.count > 1 ? " × " + o.count : "")), " ",
    o.state ? make("span", { class: "badge state state-" + o.state }, o.state) : "", o.state ? " " : "",
    [o.route, o.dag_id || o.asset].filter(Boolean).join(" → "),
    make("span", { class: "small" }, " " + (o.outcome === "triggered" ? o.dag_run_id : o.reason || o.dag_run_id)));
}

function rowElement(row, index, height) {
  const outcomes = make("div", { class: "outcomes" });
  if (row.status === 0) outcomes.append(make("span", { class: "badge" }, "received"));
  for (const o of row.outcomes.slice(0, 2)) outcomes.append(outcome(o));
  if (row.outcomes.length > 2) outcomes.lastChild.append(` and ${row.outcomes.length - 2} more`);
  if (row.reason) outcomes.append(make("span", { class: "bad" }, row.status + " " + row.reason));
  const element = make("div", { class: "row", role: "option", id: "row-" + row.number, "aria-selected": String(row.number === selected) },
    make("time", { datetime: row.at, title: row.at }, new Date(row.at).toLocaleTimeString()),
    make("div", {}, make("div", { class: "what" }, what(row)), make("div", { class: "small" }, place(row))), outcomes);
  for (const child of element.querySelectorAll(".what, .outcomes > div")) child.title = child.textContent;
  element.style.top = index * height + "px";
  return element;
}

function rowHeight() {
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
}

// draw makes the rows that are in sight, once a frame.
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    const list = byId("list"), height = rowHeight();
    byId("space").style.height = newest.length * height + "px";
    const first = Math.max(0, Math.floor(list.scrollTop / height) - beyond);
    const last = Math.min(newest.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + beyond);
    const made = [];
    for (let i = first; i < last; i++) made.push(rowElement(newest[i], i, height));
    byId("space").replaceChildren(...made);
    if (byId("row-" + selected)) list.setAttribute("aria-activedescendant", "row-" + selected);
    else list.removeAttribute("aria-activedescendant");
  });
}

const textOf = (row) => (row.text ??= [row.id, row.type, row.subject, place(row), row.reason,
  ...row.outcomes.flatMap((o) => [o.outcome, o.route, o.dag_id, o.dag_run_id, o.state, o.reason])].join(" ").toLowerCase());

function sift() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  newest = [];
  for (const row of rows.values()) {
    if (words.every((word) => textOf(row).includes(word))) newest.push(row);
  }
  newest.sort((a, b) => b.number - a.number);
  byId("count").textContent = newest.length === rows.size ? `${rows.size} events` : `${newest.length} of ${rows.size} events`;
  byId("empty").hidden = rows.size > 0;
  draw();
}

function received(changed) {
  const list = byId("list"), height = rowHeight();
  const before = newest.length, isScrolled = list.scrollTop > height;
  for (const row of changed) {
    row.outcomes ??= [];
    rows.set(row.number, row);
  }
  if (rows.size > most) {
    for (const number of [...rows.keys()].sort((a, b) => a - b).slice(0, rows.size - most)) rows.delete(number);
  }
  sift();
  // What is being read stays in place while new rows come in above it.
  if (isScrolled && newest.length > before) {
    byId("space").style.height = newest.length * height + "px";
    list.scrollTop += (newest.length - before) * height;
  }
}

function select(index) {
  if (newest.length === 0) return;
  index = Math.max(0, Math.min(newest.length - 1, index));
  selected = newest[index].number;
  const list = byId("list"), height = rowHeight();
  if (index * height < list.scrollTop) list.scrollTop = index * height;
  if ((index + 1) * height > list.scrollTop + list.clientHeight) list.scrollTop = (index + 1) * height - list.clientHeight;
  draw();
}

function keys(event) {
  const at = newest.findIndex((row) => row.number === selected);
  const page = Math.max(1, Math.floor(byId("list").clientHeight / rowHeight()) - 1);
  const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: newest.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    select(to);
  } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
    event.preventDefault();
    story(selected);
  }
}

function listen() {
  const source = new EventSource("/api/stream");
  source.onopen = () => { byId("connection").textContent = ""; };
  source.onmessage = (message) => received(JSON.parse(message.data));
  source.onerror = () => { byId("connection").textContent = "not connected: the function has ended, or is starting again"; };
}

export function startEvents(about) {
  byId("empty").textContent = about.log ? "The log has no outcomes of the function: is it the function's log?"
    : "No events yet. Type one under Try, or send one: dagtrigger send storage gs://BUCKET/OBJECT";
  byId("filter").addEventListener("input", sift);
  byId("list").addEventListener("scroll", draw);
  byId("list").addEventListener("keydown", keys);
  byId("list").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (!row) return;
    selected = Number(row.id.slice(4));
    draw();
    story(selected);
  });
  byId("close").addEventListener("click", () => byId("story").close());
  addEventListener("resize", draw);
  listen();
  return sift;
}
