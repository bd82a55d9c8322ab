// The part of Markdown that chat programs show, as DOM nodes. What is not understood stays text.

import { mediaById, mediaUrl } from "./api.js";
import { el } from "./dom.js";
import { enlarge } from "./dialogs.js";

const SAY = "dtmd://dingtalkclient/sendMessage?content=";
const INLINE = new RegExp(
  [
    String.raw`\\(?<escaped>[\\${"`"}*_{}\[\]()#+\-.!>|~<&])`,
    String.raw`!\[(?<alt>(?:\\.|[^\]\\])*)\]\((?<image>[^)\s]+)\)`,
    String.raw`\[(?<label>(?:\\.|[^\]\\])+)\]\((?<target>(?:\\.|[^)\\])+)\)`,
    String.raw`\*\*(?<bold>(?:\\.|[^\\])+?)\*\*`,
    String.raw`\*(?<italic>(?:\\.|[^*\s\\])(?:\\.|[^*\\])*?)\*`,
    String.raw`<font color="?(?<color>#[0-9a-fA-F]{6})"?>(?<coloured>.*?)<\/font>`,
    String.raw`<br\s*\/?>(?<br>)`,
    String.raw`&(?<entity>nbsp|lt|gt|amp|quot);`,
    String.raw`(?<move>[▲▼][\d.,%]*)`,
    String.raw`(?<light>🟢|🟡|🔴|⚪)`,
  ].join("|"),
  "gs",
);
const LIGHTS = { "🟢": "green", "🟡": "amber", "🔴": "red", "⚪": "grey" };
const ENTITIES = { nbsp: "\u00a0", lt: "<", gt: ">", amp: "&", quot: '"' };

/** `say` is called with the line that a tapped command link stands for. */
export function markdown(text, say) {
  const box = el(".markdown");
  for (const block of blocks(text)) box.append(element(block, say));
  return box;
}

/** Plain text with its line breaks; only ▲, ▼ and traffic lights are coloured. */
export function plain(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(/[▲▼][\d.,%]*|🟢|🟡|🔴|⚪/g)) {
    nodes.push(text.slice(end, match.index), LIGHTS[match[0]] ? light(match[0]) : move(match[0]));
    end = match.index + match[0].length;
  }
  return [...nodes, text.slice(end)];
}

/** What the links in this text lead to: the line of a command, else the address. */
export function targets(text) {
  return [...text.matchAll(INLINE)].map(({ groups }) => command(groups.target) ?? groups.target).filter(Boolean);
}

/** Drawn by us: not every machine has these letters in colour. */
const light = (sign) => el("span.light", { data: { light: LIGHTS[sign] } }, sign);

const move = (text) => el(text[0] === "▲" ? "span.rise" : "span.fall", {}, text);

const LINES = [
  ["heading", /^(#{1,6})\s+(.*)$/],
  ["quote", /^>\s?(.*)$/],
  ["bullet", /^\s*[-*+]\s+(.*)$/],
  ["number", /^\s*\d+[.)]\s+(.*)$/],
  ["rule", /^(?:-{3,}|\*{3,})\s*$/],
];

function blocks(text) {
  const found = [];
  for (const line of text.split(/\r?\n/)) {
    const [kind, match] = kindOf(line);
    const last = found.at(-1);
    const content = kind === "heading" ? match[2] : match[1];
    if (kind !== "heading" && kind !== "rule" && last?.kind === kind) last.lines.push(content);
    else found.push({ kind, lines: [content], level: match[1]?.length });
  }
  return found.filter((block) => block.kind !== "blank");
}

function kindOf(line) {
  if (!line.trim()) return ["blank", [line, ""]];
  for (const [kind, shape] of LINES) {
    const match = shape.exec(line);
    if (match) return [kind, match];
  }
  return ["paragraph", [line, line]];
}

function element({ kind, lines, level }, say) {
  const each = (tag) => lines.map((line) => el(tag, {}, inline(line, say)));
  switch (kind) {
    case "heading": return el(`p.h${level}`, { role: "heading", "aria-level": level + 2 }, inline(lines[0], say));
    case "quote": return el("blockquote", {}, flow(lines, say));
    case "bullet": return el("ul", {}, each("li"));
    case "number": return el("ol", {}, each("li"));
    case "rule": return el("hr");
    default: return el("p", {}, flow(lines, say));
  }
}

/** As DingTalk does it: a line ends only after two spaces. */
function flow(lines, say) {
  return lines.flatMap((line, index) => {
    if (index === lines.length - 1) return inline(line.trimEnd(), say);
    return [...inline(line.trimEnd(), say), / {2,}$/.test(line) ? el("br") : " "];
  });
}

function inline(text, say) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(end, match.index), inlineNode(match, say));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}

function inlineNode(match, say) {
  const found = match.groups;
  if (found.escaped) return found.escaped;
  if (found.image) return picture(found.image, unescape(found.alt));
  if (found.label) return link(found, match[0], say);
  if (found.bold) return el("strong", {}, inline(found.bold, say));
  if (found.italic) return el("em", {}, inline(found.italic, say));
  if (found.color) return coloured(found, say);
  if (found.entity) return ENTITIES[found.entity];
  if (found.move) return move(found.move);
  if (found.light) return light(found.light);
  return el("br");
}

function coloured({ color, coloured: text }, say) {
  const span = el("span", {}, inline(text, say));
  span.style.color = color;
  return span;
}

function link({ label, target }, whole, say) {
  const line = command(target);
  if (line !== null) return el("button.say", { type: "button", onclick: () => say(line) }, unescape(label));
  if (!/^https?:\/\//i.test(target)) return whole;
  return el("a", { href: target, target: "_blank", rel: "noopener noreferrer" }, unescape(label));
}

function command(target) {
  if (!target?.startsWith(SAY)) return null;
  try {
    return decodeURIComponent(target.slice(SAY.length).split("&")[0].replaceAll("+", " "));
  } catch {
    return null; // broken percent signs: not a command
  }
}

/** Pictures come from the sandbox alone: another host's is shown as its caption. */
function picture(target, alt) {
  const url = /^https?:|^\//.test(target) ? mediaUrl(target) : mediaById(target);
  if (!url) return alt || "[图片]";
  return el("button.picture", { type: "button", "aria-label": `放大图片 ${alt}`, onclick: () => enlarge(url, alt) },
    el("img", { src: url, alt, loading: "lazy" }));
}

const unescape = (text) => text.replace(/\\([^\w\s])/g, "$1");
