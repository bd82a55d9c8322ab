// Moments as people in Shanghai read them.

const ZONE = "Asia/Shanghai";
const DAY = 86_400_000;
const parts = (options) => new Intl.DateTimeFormat("zh-CN", { timeZone: ZONE, hourCycle: "h23", ...options });
const HOUR = parts({ hour: "2-digit", minute: "2-digit" });
const SECOND = parts({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = parts({ month: "2-digit", day: "2-digit" });
const FULL = parts({ year: "numeric", month: "2-digit", day: "2-digit" });
const WEEKDAY = parts({ weekday: "short" });

export const ms = (at) => (typeof at === "number" ? at : Date.parse(at));
export const hour = (at) => HOUR.format(ms(at));
export const second = (at) => SECOND.format(ms(at));
export const fullDay = (at) => `${FULL.format(ms(at)).replaceAll("/", "-")} ${WEEKDAY.format(ms(at))}`;

/** 14:30 · 昨天 · 周三 · 11-18: for a list. */
export function brief(at, now) {
  const days = daysBefore(at, now);
  if (days === 0) return hour(at);
  if (days === 1) return "昨天";
  if (days > 1 && days < 7) return WEEKDAY.format(ms(at));
  return DATE.format(ms(at)).replace("/", "-");
}

/** 14:30 · 昨天 14:30 · 11-18 14:30: between messages. */
export const moment = (at, now) => (daysBefore(at, now) === 0 ? hour(at) : `${brief(at, now)} ${hour(at)}`);

export const sameDay = (a, b) => dayNumber(a) === dayNumber(b);

const dayNumber = (at) => Math.floor((ms(at) + 8 * 3_600_000) / DAY); // Shanghai has no summer time
const daysBefore = (at, now) => dayNumber(now) - dayNumber(at);
