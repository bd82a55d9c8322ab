// The chat programs that the page can look like.

import { el } from "./dom.js";

const PROGRAMS = [
  { id: "dingtalk", name: "钉钉", bot: "期台" },
  { id: "wecom", name: "企业微信", bot: "期台" },
];

export const FIRST = PROGRAMS[0].id;
export const nameOf = (id) => PROGRAMS.find((program) => program.id === id)?.name ?? id;

/** The switch between programs; `ready` are those that the sandbox speaks. */
export function platformSwitch(here, ready, choose) {
  return el(".platforms", { role: "group", "aria-label": "平台" },
    PROGRAMS.map(({ id, name }) =>
      el("button.platform", {
        type: "button",
        disabled: !ready.includes(id),
        title: ready.includes(id) ? name : `${name}：这个沙箱里没有`,
        "aria-pressed": String(id === here),
        data: { testid: `platform-${id}`, platform: id },
        onclick: () => choose(id),
      }, name)));
}
