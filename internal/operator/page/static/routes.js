// SPDX-License-Identifier: Apache-2.0
// The routes as a flow, and their file in an editor.
import { ask, byId, make } from "./app.js";
import { startCompletion } from "./complete.js";
import { drawFlow } from "./flow.js";

const pause = 300; // milliseconds without a key before the text is checked

let timer, asked;
let digest = ""; // of the file that the text was made from
let original = "";
let problems = [];
let follower;

// paper draws what is behind the text: line numbers, and errors in place.
function paper() {
  const lines = byId("text").value.split("\n"), at = new Map();
  for (const p of problems) if (p.line > 0 && !at.has(p.line)) at.set(p.line, p);
  byId("paper").replaceChildren(...lines.map((line, i) => {
    const p = at.get(i + 1), element = make("div", { class: p ? (p.warning ? "wrong warned" : "wrong") : "" }, make("span", { class: "number" }, String(i + 1)));
    if (p) {
      const column = Math.min(Math.max(p.column - 1, 0), line.length);
      const word = line.slice(column).match(/^[^\s:,\]}]+/)?.[0] ?? line.slice(column, column + 1);
      element.append(line.slice(0, column), make("mark", {}, word || " "), line.slice(column + word.length), make("span", { class: "says" }, p.what));
    } else {
      element.append(line || " ");
    }
    return element;
  }), make("div", {}, " "));
  scrolled();
}

function scrolled() {
  byId("paper").scrollTop = byId("text").scrollTop;
  byId("paper").scrollLeft = byId("text").scrollLeft;
}

function goTo(line, column) {
  const text = byId("text"), lines = text.value.split("\n");
  const at = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + column - 1;
  text.focus();
  text.setSelectionRange(at, at);
  text.scrollTop = Math.max(0, (line - 4) * 18);
}

function showProblems(all) {
  problems = all || [];
  byId("problems").replaceChildren(...problems.map((p) => {
    const button = make("button", { type: "button", class: p.warning ? "" : "bad" }, `${p.line ? `${p.line}:${p.column}: ` : ""}${p.warning ? "warning: " : ""}${p.what}: ${p.fix}`);
    button.addEventListener("click", () => p.line && goTo(p.line, p.column));
    return make("li", {}, button);
  }));
  paper();
  byId("save").disabled = byId("text").value === original || problems.some((p) => !p.warning);
}

async function check() {
  asked?.abort();
  asked = new AbortController();
  try {
    const answer = await ask("/api/check", { text: byId("text").value }, asked.signal);
    showProblems(answer.problems);
  } catch (error) {
    if (error.name !== "AbortError") byId("saved").textContent = error.message;
  }
}

function edited() {
  paper();
  byId("save").disabled = true; // until it is checked
  byId("saved").textContent = "";
  clearTimeout(timer);
  timer = setTimeout(check, pause);
}

async function save(event) {
  event.preventDefault();
  const text = byId("text").value;
  try {
    const answer = await ask("/api/routes", { text, digest });
    digest = answer.digest;
    original = text;
    showProblems(answer.problems);
    byId("saved").textContent = "saved";
    refresh();
  } catch (error) {
    byId("saved").textContent = error.message;
    if (error.answer?.problems) showProblems(error.answer.problems);
  }
}

// refresh draws the routes in force, and says whether they are those of the file.
async function refresh() {
  clearTimeout(follower);
  if (byId("routes").hidden) return;
  try {
    const answer = await ask("/api/routes");
    drawFlow(byId("flow"), answer);
    if (answer.in_force && answer.digest === digest && byId("saved").textContent.startsWith("saved")) {
      byId("saved").textContent = answer.in_force === digest ? "saved, and in force" : "saved";
    }
  } catch { /* the connection's own text says it */ }
  follower = setTimeout(refresh, 1000);
}

async function load() {
  const answer = await ask("/api/routes");
  drawFlow(byId("flow"), answer);
  byId("editor").hidden = answer.text === undefined;
  byId("no-file").hidden = answer.text !== undefined;
  byId("no-file").textContent = answer.error || "Every event starts one DAG: there is no routes file. dagtrigger init writes the first.";
  if (answer.text === undefined) return;
  byId("file").textContent = answer.path.split("/").pop();
  byId("file").title = answer.path;
  byId("text").value = original = answer.text;
  digest = answer.digest;
  byId("saved").textContent = "";
  showProblems(answer.problems);
}

export function startRoutes() {
  byId("text").addEventListener("input", edited);
  byId("text").addEventListener("scroll", scrolled);
  byId("editor").addEventListener("submit", save);
  byId("reload").addEventListener("click", load);
  byId("editor").addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      if (!byId("save").disabled) byId("editor").requestSubmit();
    }
  });
  startCompletion(byId("text"), byId("words"), edited);
  let isLoaded = false;
  return async () => {
    if (!isLoaded) {
      isLoaded = true;
      await load();
    }
    refresh();
  };
}
