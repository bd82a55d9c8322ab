// The tools beside the chat: move the market and the clock, break things, watch the wire.

import { el, icon, iconButton } from "./dom.js";
import { clockTool } from "./panel/clock.js";
import { faultTool } from "./panel/faults.js";
import { marketTool } from "./panel/market.js";
import { tourTool } from "./panel/tour.js";
import { wireTool } from "./panel/wire.js";
import { complain } from "./toast.js";

const TOOLS = [
  { id: "tour", name: "导览", make: tourTool },
  { id: "market", name: "行情", make: marketTool },
  { id: "clock", name: "时钟", make: clockTool },
  { id: "fault", name: "故障", make: faultTool },
  { id: "wire", name: "线路", make: wireTool },
];

const FIRST = "market";
const WIDE = "(min-width: 721px)"; // on a phone the tools would lie over the chat

let left = ""; // the tool that was open on the desk before this one

/** Each tool is {root, learn?(state), shown?(bool), wireMoved?(n), close?()}. */
export class Panel {
  #open = "";
  #made = new Map();
  #state = null;

  constructor(sandbox) {
    this.sandbox = sandbox;
    this.tabs = el(".tabs", {
      role: "tablist", "aria-label": "沙箱工具", onkeydown: (event) => this.#arrows(event),
    }, TOOLS.map((tool) => this.#tab(tool)));
    this.body = el(".tool", { id: "tool", role: "tabpanel", tabIndex: -1 });
    this.root = el("aside.panel", {
      hidden: true, "aria-label": "沙箱工具", onkeydown: (event) => event.key === "Escape" && this.toggle(),
    },
      el("header.panel-head", {}, el("h2", {}, "沙箱工具"), iconButton("close", "收起", () => this.toggle())),
      this.tabs, this.body);
    if (left && matchMedia(WIDE).matches) this.show(left);
  }

  show(id) {
    this.root.hidden = false;
    this.open(id);
  }

  toggle() {
    this.root.hidden = !this.root.hidden;
    if (!this.root.hidden) this.open(this.#open || FIRST);
    else this.#shut();
  }

  /** The chat is what matters now. */
  makeWay() {
    if (!this.root.hidden && !matchMedia(WIDE).matches) this.toggle();
  }

  #shut() {
    left = "";
    this.#tool()?.shown?.(false);
  }

  open(id) {
    this.#tool()?.shown?.(false);
    this.#open = left = id;
    const { make } = TOOLS.find((tool) => tool.id === id);
    if (!this.#made.has(id)) this.#made.set(id, make(this.sandbox));
    for (const tab of this.tabs.children) {
      const here = tab.dataset.tool === id;
      tab.setAttribute("aria-selected", String(here));
      tab.tabIndex = here ? 0 : -1;
    }
    this.body.setAttribute("aria-labelledby", `tab-${id}`);
    this.body.replaceChildren(this.#tool().root);
    if (this.#state) this.#tool().learn?.(this.#state);
    this.#tool().shown?.(true);
    this.sandbox.learn().then((state) => this.learn(state), complain);
  }

  learn(state) {
    this.#state = state;
    if (!this.root.hidden) this.#tool()?.learn?.(state);
  }

  /** `n` is the newest entry's number, where it is known. */
  wireMoved(n) {
    if (!this.root.hidden) this.#tool()?.wireMoved?.(n);
  }

  close() {
    for (const tool of this.#made.values()) tool.close?.();
  }

  #tool = () => this.#made.get(this.#open);

  #tab({ id, name }) {
    return el("button.tab", {
      type: "button",
      role: "tab",
      id: `tab-${id}`,
      "aria-selected": "false",
      "aria-controls": "tool",
      data: { tool: id, testid: `tool-${id}` },
      onclick: () => this.open(id),
    }, icon(id), name);
  }

  #arrows(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = TOOLS.findIndex(({ id }) => id === this.#open);
    this.open(TOOLS.at((at + step) % TOOLS.length).id);
    this.tabs.querySelector('[aria-selected="true"]').focus();
  }
}
