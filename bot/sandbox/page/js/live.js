// News from the sandbox as it happens; a slow question now and then where that fails.

import * as api from "./api.js";

const POLL = 4_000;
const HIDDEN_POLL = 15_000;
const RETRY = [1_000, 2_000, 5_000, 10_000];

/**
 * Calls `on.screen({chat, seq})`, `on.wire()`, `on.connected(bool)` as they come, and `on.poll()`
 * whenever something may have been missed. A page that is not looked at lets its stream go:
 * browsers allow six per host, and people open many tabs.
 */
export function follow(who, on) {
  let stream = null;
  let tries = 0;
  let timer = 0;
  let open = false;

  const connect = () => {
    stream = new EventSource(api.eventsUrl(who));
    stream.addEventListener("open", () => {
      open = true;
      tries = 0;
      on.poll();
    });
    stream.addEventListener("error", () => {
      open = false;
      if (stream?.readyState !== EventSource.CLOSED) return; // it tries again by itself
      stream = null;
      setTimeout(() => !stream && !document.hidden && !stopped && connect(), RETRY[Math.min(tries++, RETRY.length - 1)]);
    });
    for (const name of ["screen", "wire", "connected"]) {
      stream.addEventListener(name, (event) => on[name](JSON.parse(event.data || "null")));
    }
  };
  const disconnect = () => {
    stream?.close();
    stream = null;
    open = false;
  };
  const tick = () => {
    if (!open) on.poll();
    timer = setTimeout(tick, document.hidden ? HIDDEN_POLL : POLL);
  };
  const seen = () => {
    if (document.hidden) disconnect();
    else if (!stream) connect();
  };

  let stopped = false;
  document.addEventListener("visibilitychange", seen);
  connect();
  timer = setTimeout(tick, POLL);
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", seen);
    clearTimeout(timer);
    disconnect();
  };
}
