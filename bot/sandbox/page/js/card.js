// A card as its person sees it, with buttons and inputs that work.

import { mediaUrl } from "./api.js";
import { el, icon } from "./dom.js";
import { field } from "./fields.js";
import { plain } from "./markdown.js";
import { isFigure, width } from "./prose.js";

const LONG = 16; // letters beyond which a value takes the whole line
const BOT = "期台"; // stands above the card anyway
const NOWHERE = "https://work.weixin.qq.com/"; // WeCom wants every notice to lead somewhere
const ROW = 3; // short facts side by side; a lone one looks better as a line

const LEVELS = {
  正常: "grey", 关注: "blue", 警示: "amber", 追保: "orange", 强平: "red", 穿仓: "dark_red", 异常: "violet",
};

/**
 * `desk` is what the card talks to: `press(card, button, inputs)`, `draft(card)` → the values typed
 * so far, `pending(card)` → the key of the button under way, or "".
 */
export function cardView(card, desk) {
  const pending = desk.pending(card.id);
  const view = el("article.card", {
    data: { testid: "card", card: card.id, version: card.version, tone: card.tone || LEVELS[card.status] || "grey" },
    "aria-label": [card.title, card.status].filter(Boolean).join(" "),
    "aria-busy": String(Boolean(pending)),
  },
  head(card),
  card.text ? el("p.card-text", {}, plain(card.text)) : null,
  facts(card.fields ?? []),
  table(card),
  (card.sections ?? []).map(section),
  inputs(card, desk),
  buttons(card, desk, pending),
  foot(card));
  view.classList.toggle("brief", view.childElementCount === 1); // a title alone reads like a line
  return view;
}

const head = ({ title, status }) =>
  el("header.card-head", {}, el("h3", {}, plain(title)),
    status && status !== BOT ? el("span.status", {}, status) : null);

function facts(list) {
  if (!list.length) return null;
  const long = list.map(({ label, value }) => width(value) > LONG || width(label) > LONG);
  const alone = (index) => runOfShort(long, index) < ROW - 1;
  return el("dl.facts", {}, list.map(({ label, value }, index) =>
    el(long[index] || alone(index) ? "div.line" : "div.tile", {}, el("dt", {}, label), el("dd", {}, plain(value)))));
}

/** How many short facts stand together around `index`. */
function runOfShort(long, index) {
  const before = long.lastIndexOf(true, index);
  const after = long.indexOf(true, index);
  return (after < 0 ? long.length : after) - before - 1;
}

function table({ columns, rows }) {
  if (!rows?.length) return null;
  const figures = columns.map((_, column) => mostly(rows.map((row) => row[column]).filter(Boolean), isFigure));
  const cell = (tag) => (text, column) =>
    el(figures[column] ? `${tag}.figure` : tag, tag === "th" ? { scope: "col" } : {}, plain(text));
  return el(".table", { tabIndex: 0, role: "region", "aria-label": "表格" },
    el("table", {},
      el("thead", {}, el("tr", {}, columns.map(cell("th")))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell("td")))))));
}

const mostly = (texts, holds) => texts.filter(holds).length * 2 > texts.length;

const section = ({ title, text }) => el("section.part", {}, el("h4", {}, title), el("p", {}, plain(text)));

function inputs(card, desk) {
  if (!card.inputs?.length) return null;
  const draft = desk.draft(card.id);
  return el(".fields", {}, card.inputs.map((input) => field(input, draft)));
}

function buttons(card, desk, pending) {
  if (!card.buttons?.length) return null;
  const press = (button) => (event) => {
    const values = read(event.target.closest(".card"), card.inputs ?? []);
    if (values) desk.press(card, button, values);
  };
  const drawn = (button) =>
    el(`button.button.${button.style || "plain"}${button.label.length < 3 ? ".short" : ""}`, {
      type: "button",
      disabled: !button.enabled || Boolean(pending),
      "aria-busy": String(pending === button.key),
      data: { testid: "card-button", action: button.key },
      onclick: press(button),
    }, button.label);
  const menu = card.buttons.filter((button) => button.menu);
  return el(".card-buttons", {},
    card.buttons.filter((button) => !button.menu).map(drawn),
    menu.length ? el(".card-menu", {}, el("span", {}, "右上角菜单"), menu.map(drawn)) : null);
}

/** The values of the card's inputs, or null when one that is required is missing. */
function read(view, wanted) {
  const values = {};
  for (const { key } of wanted) {
    const box = view.querySelector(`[data-field="${CSS.escape(key)}"]`);
    const value = box.read();
    if (box.required && !value.length) {
      box.complain();
      return null;
    }
    if (value.length) values[key] = value;
  }
  return values;
}

function foot({ footer, link }) {
  const url = link && !link.startsWith(NOWHERE) && (mediaUrl(link) || (/^https?:\/\//.test(link) ? link : ""));
  if (!footer && !url) return null;
  return el("footer.card-foot", {},
    footer ? el("span", {}, plain(footer)) : null,
    url ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "查看详情", icon("open")) : null);
}
