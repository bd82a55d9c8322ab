// Shows the simulated market and moves it.

import * as api from "../api.js";
import { el } from "../dom.js";
import { Board, change, isFuture, productOf } from "./board.js";
import { doing } from "./doing.js";

const EVERY = 2_000;
const SHOCKS = [-0.05, -0.02, 0.02, 0.05];

export const marketTool = () => new MarketTool();

class MarketTool {
  #contract = "rb2701"; // the one that the buttons move
  #timer = 0;
  #shown = false;

  constructor() {
    this.board = new Board((contract) => this.#choose(contract));
    this.head = el("h3.chosen");
    this.shocks = el(".shocks");
    this.price = el("input", { type: "number", min: "0", step: "any", "aria-label": "价格" });
    this.going = el("span");
    this.playing = el("p.playing", { role: "status", hidden: true });
    this.trouble = el("p.hint", { role: "status" });
    this.root = el(".stack", {},
      el("p.lead", {}, "推一把行情，一秒之内重算所有账户；再查一次客户，看他的风险度到了哪里。"),
      el("section.mover", {},
        this.head,
        this.shocks,
        el(".row", {}, this.price, doing("primary", "定价", () => this.#setPrice())),
        el("p.hint", {}, "涨跌作用于这个品种的全部合约，可以连按；定价只改这一个合约。")),
      el("section", {},
        el(".row", {},
          sceneButton("primary", "跌停的早晨", "limit_down_morning", () => this.#done("黑色系开始下跌")),
          sceneButton("plain", "反弹", "rebound", () => this.#done("黑色系开始反弹")),
          sceneButton("danger", "黑色系跌停", "limit_down_day", () => this.#done("黑色系都跌停了")),
          sceneButton("plain", "恢复平静", "quiet", () => this.#done("价格回到昨结算，行情已暂停")),
          this.going),
        this.playing,
        el("p.hint", {}, "跌停的早晨：分几步跌到跌停，停五分钟再反弹。恢复平静：回到昨结算并暂停，按钮照样有效。")),
      this.trouble,
      this.board.root);
    this.#choose(this.#contract);
  }

  shown(visible) {
    this.#shown = visible;
    clearTimeout(this.#timer);
    if (visible) this.#look();
  }

  close() {
    this.shown(false);
  }

  /** Now and every two seconds for as long as somebody looks on. */
  async #look() {
    clearTimeout(this.#timer);
    let again = true;
    try {
      if (!document.hidden) this.#show(await api.quotes());
    } catch (problem) {
      this.trouble.textContent = problem.message;
      again = problem.status !== 501; // there is no market here
    }
    clearTimeout(this.#timer); // another look may have begun meanwhile
    if (again && this.#shown) this.#timer = setTimeout(() => this.#look(), EVERY);
  }

  #show({ paused, play, prices }) {
    this.playing.hidden = !play;
    if (play) this.playing.replaceChildren(el("span", {}, play.says), el("span", {}, `${play.beat}/${play.beats} · ${play.seconds_left} 秒`));
    this.trouble.textContent = "";
    this.board.show(prices);
    if (!prices[this.#contract]) this.#choose(Object.keys(prices).find(isFuture) ?? this.#contract);
    this.#drawHead();
    if (this.going.dataset.paused === String(paused)) return;
    this.going.dataset.paused = String(paused);
    this.going.replaceChildren(paused
      ? doing("primary", "继续走", () => this.#move({ pause: false }, "行情继续走了"), { data: { testid: "market-go" } })
      : doing("plain", "暂停", () => this.#move({ pause: true }, "行情已暂停"), { data: { testid: "market-pause" } }));
  }

  #choose(contract) {
    this.#contract = contract;
    this.price.value = "";
    this.shocks.replaceChildren(...SHOCKS.map((by) => this.#shockButton(by)));
    this.#drawHead();
  }

  #drawHead() {
    const quote = this.board.quote(this.#contract);
    this.price.placeholder = quote?.last ?? "";
    this.board.mark(this.#contract);
    this.head.replaceChildren(
      el("span", {}, quote?.name ?? productOf(this.#contract), el("small", {}, this.#contract)),
      quote ? el("span", {}, quote.last, change(quote)) : "");
  }

  #shockButton(by) {
    const product = productOf(this.#contract);
    const words = `${by > 0 ? "+" : "−"}${Math.abs(by * 100)}%`;
    const shock = () =>
      this.#move({ shock: { [product]: by } }, `${this.board.quote(this.#contract)?.name ?? product} ${words}`);
    return doing(by > 0 ? "rise" : "fall", words, shock, {
      "aria-label": `${product} ${words}`, data: { testid: `shock-${product}-${by * 100}` },
    });
  }

  #setPrice() {
    if (this.price.valueAsNumber > 0) {
      return this.#move({ set: { [this.#contract]: this.price.valueAsNumber } }, "已定价");
    }
    this.price.focus();
    return "先填一个价格";
  }

  async #move(what, words) {
    const { prices = {} } = await api.market(what);
    const now = prices[this.#contract];
    return this.#done(now ? `${words} · ${this.#contract} 现价 ${now}` : words);
  }

  async #done(words) {
    await this.#look();
    return words;
  }
}

function sceneButton(kind, label, name, done) {
  const play = async () => {
    await api.scene(name);
    return done();
  };
  return doing(kind, label, play, { data: { testid: `scene-${name}` } });
}
