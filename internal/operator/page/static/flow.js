// SPDX-License-Identifier: Apache-2.0
// Sources, routes and DAGs as a flow, with how many outcomes there were.

const height = 44, gap = 12;

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const counted = (counts) => Object.entries(counts || {}).map(([kind, n]) => `${n} ${kind}`).join(", ");

function cut(text, width) {
  const most = Math.max(4, Math.floor((width - 12) / 7.2));
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

function box(x, y, width, title, note, isOff) {
  const element = svg("g", { class: isOff ? "off" : "" }, svg("title", {}, note ? `${title}: ${note}` : title),
    svg("rect", { x, y, width, height, rx: 4 }), svg("text", { x: x + 6, y: y + (note ? 18 : 27) }, cut(title, width)));
  if (note) element.append(svg("text", { class: "number-of", x: x + 6, y: y + 36 }, cut(note, width)));
  return element;
}

// drawFlow draws three columns: where events come from, the routes, and what they start.
export function drawFlow(to, answer) {
  const width = Math.max(300, to.clientWidth), space = Math.min(90, width / 12), column = (width - 2 * space) / 3;
  const lefts = [0, column + space, 2 * (column + space)];
  const names = { sources: [...new Set(answer.flow.flatMap((r) => r.sources))], targets: [...new Set(answer.flow.flatMap((r) => r.targets))] };
  const top = (i) => i * (height + gap) + 1;
  const lines = [], boxes = [];
  const curve = (x1, y1, x2, y2) => svg("path", { d: `M${x1} ${y1} C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}` });
  answer.flow.forEach((r, i) => {
    const y = top(i) + height / 2;
    const note = [r.disabled ? "disabled" : r.shadow ? "shadow" : "", counted(r.counts)].filter(Boolean).join(", ");
    boxes.push(box(lefts[1], top(i), column, r.route, note || "no events", r.disabled || r.shadow));
    for (const s of r.sources) lines.push(curve(column, top(names.sources.indexOf(s)) + height / 2, lefts[1], y));
    for (const t of r.targets) lines.push(curve(lefts[1] + column, y, lefts[2], top(names.targets.indexOf(t)) + height / 2));
  });
  names.sources.forEach((s, i) => boxes.push(box(lefts[0], top(i), column, s, "")));
  names.targets.forEach((t, i) => {
    const started = answer.flow.filter((r) => r.targets.includes(t)).reduce((sum, r) => sum + (r.counts?.triggered || 0), 0);
    boxes.push(box(lefts[2], top(i), column, t, started === 1 ? "1 run" : `${started} runs`));
  });
  const rows = Math.max(answer.flow.length, names.sources.length, names.targets.length, 1);
  const unmatched = counted(answer.unmatched);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${rows * (height + gap) + (unmatched ? 24 : 0)}`, role: "img",
    "aria-label": "Sources, routes and DAGs" }, ...lines, ...boxes);
  if (unmatched) drawing.append(svg("text", { x: 0, y: rows * (height + gap) + 16 }, `by no route: ${unmatched}`));
  to.replaceChildren(drawing);
}
