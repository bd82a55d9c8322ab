// Moves the clock of the service and of the platforms.

import * as api from "../api.js";
import { el } from "../dom.js";
import * as time from "../time.js";
import { doing } from "./doing.js";

const SPANS = [["10m", "10 分钟"], ["2h", "2 小时"], ["1d", "1 天"]];

export function clockTool({ now, learn }) {
  const hour = el("strong.big");
  const day = el("span");
  const ahead = el("p.hint");
  const tick = () => {
    hour.textContent = time.second(now());
    day.textContent = time.fullDay(now());
    ahead.textContent = aheadWords(now() - Date.now());
  };
  let timer = 0;
  tick();
  return {
    root: el(".stack", {},
      el("p.lead", {}, "把时间往前拨：到点的提醒、升级、晨报都在拨完之前发完。只能向前。"),
      el(".clock-face", {}, hour, day),
      ahead,
      el(".row", {}, SPANS.map(([span, words]) => doing("plain", `+${words}`, async () => {
        await api.advance(span);
        await learn();
        tick();
        return `时钟往前拨了 ${words}`;
      }, { data: { testid: `advance-${span}` } })))),
    shown(visible) {
      clearInterval(timer);
      if (visible) timer = setInterval(tick, 1_000);
    },
    close: () => clearInterval(timer),
  };
}

function aheadWords(ms) {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return "现在与真实时间一致。";
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  const parts = [days && `${days} 天`, hours && `${hours} 小时`, minutes % 60 && `${minutes % 60} 分钟`];
  return `比真实时间快 ${parts.filter(Boolean).join(" ")}。`;
}
