// SPDX-License-Identifier: Apache-2.0
// Completion of keys and words by the JSON Schema of a routes file.
import { ask, make } from "./app.js";

let schema;

const indentOf = (line) => line.match(/^[ -]*/)[0].length;

// path are the keys above the line that the caret is in, outermost first.
function path(lines, row, indent) {
  const keys = [];
  let left = indent;
  for (let i = row - 1; i >= 0 && left > 0; i--) {
    const key = lines[i].match(/^([ -]*)([A-Za-z_][\w-]*):/);
    if (key && key[1].length < left) {
      left = key[1].length;
      keys.unshift(key[2]);
    } else if (key && /^\s*-/.test(key[1]) && key[1].indexOf("-") < left) {
      left = key[1].indexOf("-") + 1; // the item that the line belongs to
    }
  }
  return keys;
}

const choices = (node) => [node, ...(node?.anyOf || []), ...(node?.oneOf || [])].filter(Boolean);

// below is the schema of the value of a key.
function below(node, key) {
  for (const one of choices(node)) {
    const item = one.items ?? one;
    for (const s of choices(item)) {
      if (s.properties?.[key]) return s.properties[key];
      if (typeof s.additionalProperties === "object") return s.additionalProperties;
    }
  }
  return undefined;
}

// keysOf are the keys of the maps that a value may be.
function keysOf(node) {
  const all = new Map();
  for (const one of choices(node)) {
    for (const s of choices(one.items ?? one)) {
      for (const [key, value] of Object.entries(s.properties || {})) all.set(key, value.description || "");
    }
  }
  return all;
}

function wordsOf(node) {
  const all = new Map();
  for (const one of choices(node)) {
    for (const s of choices(one.items ?? one)) {
      for (const word of s.enum || (s.type === "boolean" ? ["true", "false"] : s.examples || [])) {
        if (typeof word !== "object") all.set(String(word), s.enum ? "" : "example");
      }
    }
  }
  return all;
}

// offers are what may stand at the caret: the word that is begun, and its completions.
function offers(text, at) {
  const before = text.slice(0, at), lines = before.split("\n"), row = lines.length - 1, line = lines[row];
  const value = line.match(/^([ -]*)([A-Za-z_][\w-]*):\s+\[?([^\s,\]]*)$/);
  let node = schema, begun, all, after = "";
  if (value) {
    begun = value[3];
    for (const key of [...path(lines, row, value[1].length), value[2]]) node = below(node, key);
    all = wordsOf(node);
  } else {
    const key = line.match(/^([ -]*)([A-Za-z_]*)$/);
    if (!key) return undefined;
    begun = key[2];
    for (const name of path(lines, row, indentOf(key[1]))) node = below(node, name);
    all = keysOf(node);
    after = ": ";
  }
  const words = [...all].filter(([word]) => word.startsWith(begun) && word !== begun).sort(([a], [b]) => (a < b ? -1 : 1));
  return { begun, words, after, row, column: line.length - begun.length };
}

export function startCompletion(text, list, edited) {
  let open, chosen = 0;
  const close = () => { list.hidden = true; open = undefined; text.removeAttribute("aria-activedescendant"); };

  function show() {
    list.replaceChildren(...open.words.map(([word, says], i) => {
      const item = make("li", { role: "option", id: "word-" + i, "aria-selected": String(i === chosen) }, word, says ? make("span", {}, "  " + says.slice(0, 80)) : "");
      item.addEventListener("mousedown", (event) => { event.preventDefault(); chosen = i; accept(); });
      return item;
    }));
    list.hidden = false;
    list.style.left = Math.min(52 + open.column * 7.8 - text.scrollLeft, text.clientWidth * 0.4) + "px";
    list.style.top = 6 + (open.row + 1) * 18 - text.scrollTop + "px";
    text.setAttribute("aria-activedescendant", "word-" + chosen);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  }

  async function offer(isAsked) {
    try {
      schema ??= await ask("/api/schema");
    } catch {
      return; // without the schema there is nothing to complete
    }
    open = offers(text.value, text.selectionStart);
    chosen = 0;
    if (!open || open.words.length === 0 || !isAsked && open.begun === "") close();
    else show();
  }

  function accept() {
    const [word] = open.words[chosen], rest = word.slice(open.begun.length) + open.after;
    const at = text.selectionStart;
    text.setRangeText(rest, at, at, "end");
    close();
    edited();
  }

  text.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === " ") {
      event.preventDefault();
      offer(true);
      return;
    }
    if (!open) return;
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      chosen = (to + open.words.length) % open.words.length;
      show();
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      accept();
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
  });
  text.addEventListener("input", () => offer(false));
  text.addEventListener("blur", close);
}
