// The contracts with their prices, alive.

import { el } from "../dom.js";

const MAIN = ["rb", "hc", "i", "m", "y", "TA", "cu", "au", "ag", "sc", "IF", "lc"]; // one contract of each

export const productOf = (contract) => contract.replace(/\d+$/, "");
export const isFuture = (contract) => /^[A-Za-z]+\d+$/.test(contract); // options follow by themselves

/** Red rises, green falls. */
export function change({ change: share }) {
  const percent = Math.abs(share * 100).toFixed(2);
  if (Number(percent) === 0) return el("small.change", {}, "0.00%");
  return el(share > 0 ? "small.change.rise" : "small.change.fall", {}, `${share > 0 ? "▲" : "▼"}${percent}%`);
}

/** `choose(contract)` is called when its line is tapped. */
export class Board {
  #lines = new Map(); // contract → its line
  #quotes = {};

  constructor(choose) {
    this.choose = choose;
    this.main = el(".board");
    this.rest = el(".board");
    this.more = el("details.more", { hidden: true }, el("summary", {}, "其余合约"), this.rest);
    this.root = el("section", {}, this.main, this.more);
  }

  quote = (contract) => this.#quotes[contract];

  show(quotes) {
    this.#quotes = quotes;
    if (!this.#lines.size) this.#build(Object.keys(quotes).filter(isFuture));
    for (const [contract, line] of this.#lines) {
      const quote = quotes[contract];
      if (quote && line.dataset.last !== quote.last) draw(line, contract, quote);
    }
  }

  mark(contract) {
    for (const [id, line] of this.#lines) line.setAttribute("aria-pressed", String(id === contract));
  }

  #build(contracts) {
    const main = MAIN.map((product) => contracts.find((one) => productOf(one) === product)).filter(Boolean);
    const rest = contracts.filter((one) => !main.includes(one));
    for (const contract of contracts) this.#lines.set(contract, this.#line(contract));
    this.main.append(...main.map((one) => this.#lines.get(one)));
    this.rest.append(...rest.map((one) => this.#lines.get(one)));
    this.more.hidden = !rest.length;
  }

  #line = (contract) =>
    el("button.quote-line", {
      type: "button", "aria-pressed": "false", data: { testid: `quote-${contract}` },
      onclick: () => this.choose(contract),
    });
}

function draw(line, contract, quote) {
  line.dataset.last = quote.last;
  line.replaceChildren(
    el("span", {}, quote.name, el("small", {}, contract)),
    el("span", {}, quote.last),
    change(quote));
}
