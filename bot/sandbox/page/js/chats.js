// The list of a person's chats: last line, time, unread mark.

import { botAvatar, groupAvatar } from "./avatar.js";
import { el } from "./dom.js";
import { href } from "./place.js";
import * as time from "./time.js";

const LONGEST = 60; // letters of a last line that are worth drawing

export class ChatList {
  #shown = "";
  #items = [];

  constructor({ platform, person, now }) {
    Object.assign(this, { platform, person, now });
    this.root = el("nav.chat-list", { "aria-label": "会话" });
  }

  /** `here` is the open chat: what arrives there counts as read. */
  show(items, here) {
    this.#items = items;
    const shown = JSON.stringify([items, here, time.brief(this.now(), 0)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.root.contains(document.activeElement) && document.activeElement.dataset.testid;
    this.root.replaceChildren(...items.map((chat) => this.#entry(chat, chat.id === here)));
    if (focused) this.root.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  find = (id) => this.#items.find((chat) => chat.id === id);

  get unread() {
    return this.#items.reduce((sum, chat) => sum + chat.unread, 0);
  }

  #entry(chat, here) {
    const count = chat.unread > 99 ? "99+" : String(chat.unread);
    return el("a.chat-entry", {
      href: href({ platform: this.platform, person: this.person, chat: chat.id }),
      "aria-current": here ? "page" : null,
      data: { testid: `chat-${chat.id}`, unread: String(chat.unread) },
    },
    chat.id === "private" ? botAvatar() : groupAvatar(chat.members),
    el("span.entry-words", {},
      el("span.entry-top", {},
        el("strong", {}, chat.title),
        chat.id === "private" ? el("span.tag", {}, "机器人") : null,
        chat.at ? el("time", {}, time.brief(chat.at, this.now())) : null),
      el("span.entry-last", {},
        el("span", {}, firstLine(chat.last)),
        chat.unread ? el("span.badge", { "aria-label": `${chat.unread} 条未读` }, count) : null)));
  }
}

const MARKS = /[*_#>`]|\\(?=[^\w\s])/g; // not in a card's title: its stars are a masked name
const firstLine = (text = "") =>
  (text.startsWith("[卡片]") ? text : text.replace(MARKS, "")).trim().split("\n")[0].slice(0, LONGEST);
