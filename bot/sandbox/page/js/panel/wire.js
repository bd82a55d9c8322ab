// What goes over the wire between the platform and the service, newest first.

import * as api from "../api.js";
import { el } from "../dom.js";
import * as time from "../time.js";

const MOST = 300;
const PAUSE = 250; // ms; one question for a burst of frames

export function wireTool({ platform }) {
  const list = el(".wire", { "aria-label": "线路" });
  const counted = el("p.hint");
  const filter = el("input", { type: "search", placeholder: "筛选，如 callback、batchSend", "aria-label": "筛选" });
  const clear = el("button.button.plain", { type: "button", onclick: () => list.replaceChildren() }, "清屏");
  let last = 0;
  let shown = false;
  let timer = 0;

  const fits = (entry) => entry.dataset.words.includes(filter.value.trim().toLowerCase());
  const load = async () => {
    const entries = await api.wire(last).catch(() => []);
    if (entries.length && entries.at(-1).n <= last) return;
    for (const entry of entries) {
      last = entry.n;
      if (entry.platform === platform) list.prepend(line(entry));
    }
    while (list.childElementCount > MOST) list.lastElementChild.remove();
    if (entries.length) sift();
  };
  const sift = () => {
    for (const entry of list.children) entry.hidden = !fits(entry);
  };
  filter.addEventListener("input", sift);

  return {
    learn({ connected, counters }) {
      const { api_month: calls = 0, stream_month: pushes = 0 } = counters[platform] ?? {};
      counted.textContent = `连接 ${connected[platform] ?? 0} 条 · 本月接口 ${calls} 次 · 推送 ${pushes} 次`;
    },
    root: el(".stack", {},
      el("p.lead", {}, "平台与期台之间真实走过的帧和接口调用，密钥已抹去。点开看内容。"),
      el(".row", {}, filter, clear),
      counted, list),
    shown(visible) {
      shown = visible;
      if (visible) load();
    },
    wireMoved(n) {
      if (n < last) last = 0; // the sandbox was started anew and counts from one
      if (!shown || timer) return;
      timer = setTimeout(() => {
        timer = 0;
        load();
      }, PAUSE);
    },
    close: () => clearTimeout(timer),
  };
}

const WAYS = { out: ["→ 期台", "平台推给期台"], in: ["← 期台", "期台调用平台"] };

function line(entry) {
  const [arrow, means] = WAYS[entry.direction] ?? [entry.direction, entry.direction];
  const box = el("details.frame", { data: { words: `${entry.what} ${entry.summary}`.toLowerCase(), way: entry.direction } },
    el("summary", {},
      el("time", {}, time.second(entry.at)),
      el("span.way", { title: means }, arrow),
      el("small", {}, entry.summary),
      el("code", {}, entry.what)));
  box.addEventListener("toggle", () => {
    if (box.childElementCount === 1) box.append(el("pre", { tabIndex: 0 }, JSON.stringify(entry.body, null, 2) ?? ""));
  });
  return box;
}
