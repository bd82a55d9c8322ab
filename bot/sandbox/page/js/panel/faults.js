// Lets the platforms misbehave.

import * as api from "../api.js";
import { el } from "../dom.js";
import { doing } from "./doing.js";

const KINDS = [
  ["no_ack", "丢失回执", "平台收不到期台的确认，会再推一次；期台不该做两遍。"],
  ["late_ack", "回执迟到", "确认到得很晚，平台可能已经重推。"],
  ["duplicate", "重复推送", "同一条消息推两次。"],
  ["reorder", "乱序", "后说的先到。"],
  ["disconnect", "断开连接", "平台通知下线并关掉长连接；期台应当先接上新的。"],
  ["http_5xx", "平台报错", "接口返回 5xx，什么也没有发生。"],
  ["throttle", "限流", "接口说太快了，过一会儿再来。"],
  ["token_expired", "令牌失效", "访问令牌突然不认了，要换一个再试。"],
  ["hang", "发后无声", "平台已经做了，却一直不回答。"],
  ["half_body", "回答残缺", "平台已经做了，回答只传来一半。"],
  ["html", "返回网页", "接口返回一段 HTML，而不是 JSON。"],
];
const NAMES = new Map(KINDS.map(([kind, name]) => [kind, name]));
const SECONDS = 60;

export function faultTool({ platform, learn }) {
  const now = el(".faults-now", { "aria-live": "polite" });
  const count = el("input", { type: "number", min: "1", max: "99", value: "1", "aria-label": "次数" });
  const show = ({ faults = [] }) => {
    const mine = faults.filter((fault) => !fault.platform || fault.platform === platform);
    now.replaceChildren(...(mine.length ? mine.map(line) : [el("p.hint", {}, "现在一切正常。")]));
  };
  const inject = (kind, name) => async () => {
    const times = Math.max(1, count.valueAsNumber || 1);
    await api.breakIt({ platform, kind, count: times, seconds: SECONDS });
    show(await learn());
    return `已弄坏：${name} × ${times}`;
  };
  const clear = async () => {
    await api.repair(platform);
    show(await learn());
    return "故障都清掉了";
  };
  return {
    learn: show,
    root: el(".stack", {},
      el("p.lead", {},
        `弄坏平台一侧，看期台会不会丢、会不会重。每种故障作用于接下来的几次推送或调用，最多 ${SECONDS} 秒。`),
      el(".row.spread", {}, el("label.row", {}, "作用", count, "次"), doing("plain", "全部清除", clear)),
      now,
      el(".fault-list", {}, KINDS.map(([kind, name, why]) =>
        el(".fault", {},
          el("span", {}, el("strong", {}, name), el("small", {}, why)),
          doing("plain", "弄坏", inject(kind, name), {
            "aria-label": `弄坏：${name}`, data: { testid: `fault-${kind}` },
          }))))),
  };
}

const line = ({ kind, count, seconds }) =>
  el("p.fault-now", {}, el("strong", {}, NAMES.get(kind) ?? kind), `还剩 ${count} 次 · ${Math.ceil(seconds)} 秒`);
