// Moves the simulated market.

import * as api from "../api.js";
import { el } from "../dom.js";
import { doing } from "./doing.js";

const PRODUCTS = [
  ["rb", "螺纹钢"], ["hc", "热卷"], ["i", "铁矿石"], ["m", "豆粕"], ["cu", "沪铜"], ["au", "黄金"],
];
const SHOCKS = [-0.05, -0.02, 0.02, 0.05];

export function marketTool() {
  return {
    root: el(".stack", {},
      el("p.lead", {}, "推一把行情，一秒之内重算所有账户，触线的会在风控群和客户经理那里响起来。"),
      part("涨跌", "把这个品种全部合约的最新价乘一下，可以连按。", el(".shocks", {}, PRODUCTS.map(shockRow))),
      part("定价", "把一个合约的最新价定到某个数。", priceForm()),
      part("走停", "暂停后价格不再自己动，上面的按钮照样有效。", el(".row", {},
        doing("plain", "暂停", () => pause(true), { data: { testid: "market-pause" } }),
        doing("plain", "继续", () => pause(false), { data: { testid: "market-go" } })))),
  };
}

const part = (name, hint, body) => el("section", {}, el("h3", {}, name), el("p.hint", {}, hint), body);

async function pause(wanted) {
  await api.market({ pause: wanted });
  return wanted ? "行情已暂停" : "行情继续走了";
}

const shockRow = ([product, name]) =>
  el(".shock", {},
    el("span", {}, el("strong", {}, name), el("small", {}, product)),
    SHOCKS.map((by) => shockButton(product, name, by)));

function shockButton(product, name, by) {
  const words = `${by > 0 ? "+" : "−"}${Math.abs(by * 100)}%`;
  const shock = async () => `${name} ${words}${priceIn(await api.market({ shock: { [product]: by } }))}`;
  return doing(by > 0 ? "rise" : "fall", words, shock, {
    "aria-label": `${name} ${words}`,
    data: { testid: `shock-${product}-${by * 100}` },
  });
}

/** One of the prices that moved, where the answer names them. */
function priceIn({ prices = {} }) {
  const [first] = Object.entries(prices);
  return first ? ` · ${first[0]} 现价 ${first[1]}` : "";
}

function priceForm() {
  const contract = el("input", { value: "rb2701", "aria-label": "合约", size: 8, spellcheck: false });
  const price = el("input", { type: "number", min: "0", step: "any", placeholder: "3010", "aria-label": "价格" });
  const set = async () => {
    if (!(price.valueAsNumber > 0)) {
      price.focus();
      return "先填一个价格";
    }
    const name = contract.value.trim();
    const answer = await api.market({ set: { [name]: price.valueAsNumber } });
    return `已定价${priceIn(answer) || ` · ${name} ${price.value}`}`;
  };
  return el(".row", {}, contract, price, doing("primary", "定价", set));
}
