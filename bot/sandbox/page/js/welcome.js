// The first screen: what this is, who to be, what to try.

import { el, iconButton } from "./dom.js";
import { FIRST_LINES } from "./jobs.js";
import { peopleByJob } from "./people.js";
import { storyCard } from "./panel/tour.js";
import { platformSwitch } from "./platforms.js";
import { STORIES } from "./stories.js";

const SENTENCES = [
  "这里是一家虚构的期货公司：有客户，有持仓，有会动的市场，聊天平台走的是真实协议。",
  "选一个人，像平时那样给「期台」发消息、点卡片；换个人，就能看到另一头。",
  "「沙箱工具」可以带路、砸盘、快进时间、制造故障；在这里怎么试都不要紧。",
];

/** `tryLine(person, line)` is called with a chip's line, `begin(story)` with a job to go through. */
export function welcome({ people, platform, ready, choose, tryLine, begin }) {
  const nameOf = new Map(people.map((person) => [person.id, person.name]));
  const chip = ({ person, line, why }) =>
    el("button.try-line", { type: "button", data: { testid: "try-line" }, onclick: () => tryLine(person, line) },
      el("span.try-words", {}, line),
      el("small", {}, `${nameOf.get(person)} · ${why}`));
  return el("main.welcome", {},
    el("header.welcome-bar", {},
      el("img", { src: new URL("../logo.svg", import.meta.url).pathname, alt: "", width: 36, height: 36 }),
      el("strong", {}, "期台"),
      platformSwitch(platform, ready, choose),
      iconButton("theme", "切换深浅色", () => window.theme.toggle(), { data: { testid: "theme" } })),
    el(".intro", {},
      el("h1", {}, el("span", {}, "期货公司的业务台，"), el("span", {}, "就在聊天里")),
      SENTENCES.map((sentence) => el("p", {}, sentence))),
    el("section.try", {},
      el("h2", {}, "三件事，一步步走一遍"),
      el(".stories", {}, STORIES.map((story) => storyCard(story, () => begin(story))))),
    el("section.try", {},
      el("h2", {}, "或者先试一句"),
      el(".try-lines", {}, FIRST_LINES.filter(({ person }) => nameOf.has(person)).map(chip))),
    el("section.be", {}, el("h2", {}, "或者选一个人"), peopleByJob(people, platform)));
}
