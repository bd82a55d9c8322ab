// Builds DOM nodes. Text only ever becomes text nodes: names and notes are hostile input.

const SPRITE = new URL("../icons.svg", import.meta.url).pathname;
const SVG = "http://www.w3.org/2000/svg";

/** el("button.primary", {type: "button", onclick}, "文字", node, …); null children are left out. */
export function el(what, props = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) set(node, name, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function set(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name in node && typeof node[name] !== "object") node[name] = value;
  else node.setAttribute(name, value === true ? "" : value);
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

/** A button that shows an icon and says its label to those who cannot see it. */
export function iconButton(name, label, onclick, props = {}) {
  return el("button.icon-button", { type: "button", title: label, "aria-label": label, onclick, ...props }, icon(name));
}
