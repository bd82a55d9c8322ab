// The messages of one chat: loads, merges, draws a window of them, keeps the reader's place.

import * as api from "./api.js";
import { ask } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { message } from "./message.js";
import * as time from "./time.js";
import { complain, toast } from "./toast.js";

const WINDOW = 60; // messages drawn at first and with each step back
const MOST = 240; // drawn at once while the reader is at the end
const GAP = 5 * 60_000; // a longer silence shows the time
const NEAR = 80; // pixels from the end that still count as the end

export class Conversation {
  #items = []; // in order of seq
  #rows = new Map(); // seq → drawn node
  #first = 0; // index of the first drawn item
  #drafts = new Map(); // card id → what was typed in it
  #pressing = new Map(); // card id → key of the button under way
  #messages = new Map(); // the platform's message id → item, for quotes
  #since = ""; // the latest change that is known here
  #stale = false;
  #loading = null;
  #atEnd = true;
  #newFrom = 0; // seq of the first unread item
  #closed = false;

  /** `where` is {platform, person, chat}; `see` is called when the reader has seen everything. */
  constructor({ where, inGroup, nameOf, unread, now, say, see }) {
    this.where = where;
    this.unread = unread;
    this.now = now;
    this.see = see;
    this.reader = { me: where.person, platform: where.platform, nameOf, inGroup, say, desk: this.#desk() };
    this.#build();
  }

  /** Fetches what came or changed since the last time; several wishes become one request. */
  async want() {
    this.#stale = true;
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  get seesEnd() {
    return this.#atEnd;
  }

  close() {
    this.#closed = true;
    this.#sizes.disconnect();
    this.#watcher.disconnect();
    this.root.remove();
  }

  /** A bubble for what is on its way; `retry` sends it again. */
  async send(text, action) {
    const bubble = el(".message.mine.sending", {}, el(".said", {}, el(".bubble.words", {}, text)));
    bubble.dataset.text = text;
    this.pending.append(bubble);
    this.#toEnd();
    try {
      await action();
      await this.want().catch(complain);
      bubble.remove();
    } catch (problem) {
      bubble.classList.replace("sending", "failed");
      const again = () => {
        bubble.remove();
        this.send(text, action);
      };
      const retry = el("button.retry", { type: "button", onclick: again }, icon("retry"), "没有发出，点此重发");
      bubble.firstChild.append(retry);
      complain(problem);
    }
  }

  // What the cards talk to.

  #desk() {
    return {
      press: (card, button, inputs) => this.#press(card, button, inputs),
      pending: (card) => this.#pressing.get(card) ?? "",
      draft: (card) => this.#drafts.get(card) ?? this.#drafts.set(card, new Map()).get(card),
    };
  }

  async #press(card, button, inputs) {
    if (!(await this.#agrees(button))) return;
    this.#pressing.set(card.id, button.key);
    this.#redrawCard(card.id);
    const { platform, person } = this.where;
    const press = { platform, person, card: card.id, action: button.key, version: card.version, inputs };
    try {
      const answer = await api.click(press);
      if (answer.answer === "failed") toast(answer.toast || "没有成功，请再点一次", "wrong");
      else {
        if (answer.toast) toast(answer.toast);
        this.#drafts.delete(card.id);
      }
    } catch (problem) {
      complain(problem);
    }
    await this.want().catch(complain);
    this.#pressing.delete(card.id);
    this.#redrawCard(card.id);
  }

  #agrees({ confirm, label, style }) {
    return confirm ? ask(confirm, { yes: label, danger: style === "danger" }) : true;
  }

  #redrawCard(card) {
    const index = this.#items.findIndex((item) => item.card?.id === card);
    if (index >= 0) this.#keepPlace(() => this.#redraw(index));
  }

  // Loading and merging.

  async #load() {
    while (this.#stale && !this.#closed) {
      this.#stale = false;
      const items = await (this.#since ? api.changed(this.where, this.#since) : api.seen(this.where));
      if (!this.#closed) this.#merge(items);
    }
  }

  #merge(items) {
    const opening = !this.#rows.size;
    const fresh = [];
    this.#keepPlace(() => {
      for (const item of items) {
        if (item.updated > this.#since) this.#since = item.updated;
        const index = find(this.#items, item.seq);
        const known = this.#items[index]?.seq === item.seq;
        if (item.recalled) known && this.#forget(index);
        else if (known) this.#change(index, item);
        else fresh.push(this.#insert(index, item));
      }
      if (opening) this.#open();
    });
    this.list.setAttribute("aria-busy", "false");
    this.empty.hidden = this.#items.length > 0;
    if (fresh.length) this.#arrived(fresh, opening);
  }

  /** Recalled messages leave no trace. */
  #forget(index) {
    const [{ seq }] = this.#items.splice(index, 1);
    this.#rows.get(seq)?.remove();
    this.#rows.delete(seq);
    if (index < this.#first) this.#first -= 1;
  }

  #change(index, item) {
    const before = this.#items[index];
    if (JSON.stringify(before) === JSON.stringify(item)) return;
    this.#items[index] = item;
    const row = this.#redraw(index);
    if (before.updated !== item.updated) row?.classList.add("flash");
  }

  #insert(index, item) {
    this.#items.splice(index, 0, item);
    if (item.message_id) this.#messages.set(item.message_id, item);
    if (item.from === this.where.person) this.#landed(item.text);
    const drawn = this.#rows.size > 0 && index >= this.#first;
    if (drawn) this.#place(index);
    else if (this.#rows.size) this.#first += 1;
    return item;
  }

  /** The bubble of a sent line goes when the line itself is there. */
  #landed(text) {
    const same = (bubble) => bubble.classList.contains("sending") && (text ?? "").endsWith(bubble.dataset.text);
    [...this.pending.children].find(same)?.remove();
  }

  #open() {
    const others = this.#items.filter((item) => item.from !== this.where.person);
    this.#newFrom = this.unread ? (others.at(-this.unread)?.seq ?? 0) : 0;
    this.#first = Math.max(0, this.#items.length - WINDOW);
    for (let index = this.#first; index < this.#items.length; index += 1) this.#place(index);
    this.earlier.hidden = this.#first === 0;
    this.#watcher.observe(this.earlier);
  }

  #arrived(fresh, opening) {
    if (opening || fresh.some((item) => item.from === this.where.person)) this.#toEnd();
    if (this.#atEnd) this.#seeAll();
    else this.#announce(fresh.length);
  }

  // Drawing.

  #build() {
    this.earlier = el("p.earlier", { hidden: true }, "更早的消息");
    this.rows = el(".rows");
    this.pending = el(".rows.pending");
    this.empty = el("p.empty", { hidden: true }, "还没有消息。说一句试试，或点下面的例子。");
    this.inner = el(".inner", {}, this.earlier, this.empty, this.rows, this.pending);
    const heard = { role: "log", "aria-live": "polite", "aria-busy": "true", "aria-label": "消息", tabIndex: 0 };
    this.list = el(".messages", heard, this.inner);
    this.jump = el("button.jump", { type: "button", hidden: true, onclick: () => this.#toEnd() });
    this.root = el(".conversation", {}, this.list, this.jump);
    this.list.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#sizes.observe(this.inner);
    this.#sizes.observe(this.list);
  }

  #watcher = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#drawEarlier());
  #sizes = new ResizeObserver(() => this.#atEnd && this.#toEnd());

  #place(index) {
    const row = this.#row(index);
    const next = this.#items[index + 1];
    const before = next ? this.#rows.get(next.seq) : null;
    this.rows.insertBefore(row, before ?? null);
    this.#rows.set(this.#items[index].seq, row);
  }

  #redraw(index) {
    const old = this.#rows.get(this.#items[index].seq);
    if (!old) return null;
    const row = this.#row(index);
    const focus = focusIn(old);
    old.replaceWith(row);
    this.#rows.set(this.#items[index].seq, row);
    focus(row);
    return row;
  }

  #row(index) {
    const item = this.#items[index];
    const previous = this.#items[index - 1];
    const silent = !previous || time.ms(item.at) - time.ms(previous.at) > GAP || !time.sameDay(item.at, previous.at);
    return el(".row-box", { data: { seq: item.seq } },
      silent ? el("p.separator", {}, time.moment(item.at, this.now())) : null,
      item.seq === this.#newFrom ? el("p.separator.new", {}, "以下是新消息") : null,
      message(item, this.reader, this.#question(item, previous)));
  }

  /** In a group: what `item` answers, unless that stands right above. */
  #question(item, previous) {
    if (!this.reader.inGroup || !item.reply_to) return null;
    const answered = [previous?.message_id, previous?.reply_to].includes(item.reply_to);
    return answered ? null : (this.#messages.get(item.reply_to) ?? null);
  }

  #drawEarlier() {
    if (this.#first === 0) return;
    this.#keepPlace(() => {
      const until = this.#first;
      this.#first = Math.max(0, until - WINDOW);
      for (let index = until - 1; index >= this.#first; index -= 1) this.#place(index);
    });
    this.earlier.hidden = this.#first === 0;
    this.#watcher.unobserve(this.earlier); // observing anew tells again when it is still in sight
    this.#watcher.observe(this.earlier);
  }

  /** Long sittings at the end must not grow the page without limit. */
  #trim() {
    if (this.#rows.size <= MOST) return;
    const first = this.#items.length - WINDOW;
    for (let index = this.#first; index < first; index += 1) {
      const { seq } = this.#items[index];
      this.#rows.get(seq)?.remove();
      this.#rows.delete(seq);
    }
    this.#first = first;
    this.earlier.hidden = false;
  }

  // The reader's place.

  #keepPlace(change) {
    if (this.#atEnd) {
      change();
      this.#trim();
      this.#toEnd();
      return;
    }
    const top = this.list.getBoundingClientRect().top;
    const anchor = [...this.rows.children].find((row) => row.getBoundingClientRect().bottom > top);
    const seq = anchor?.dataset.seq;
    const before = anchor?.getBoundingClientRect().top;
    change();
    const after = this.#rows.get(Number(seq))?.getBoundingClientRect().top;
    if (after !== undefined) this.list.scrollTop += after - before;
  }

  #toEnd() {
    this.#atEnd = true;
    this.jump.hidden = true;
    this.list.scrollTop = this.list.scrollHeight;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (atEnd && !this.#atEnd) this.#seeAll();
    this.#atEnd = atEnd;
  }

  #announce(count) {
    const before = this.jump.hidden ? 0 : Number(this.jump.dataset.count);
    this.jump.dataset.count = before + count;
    this.jump.replaceChildren(icon("down"), `${before + count} 条新消息`);
    this.jump.hidden = false;
  }

  #seeAll() {
    this.jump.hidden = true;
    this.see();
  }
}

/** Where `seq` is, or would go, in a list ordered by it. */
function find(items, seq) {
  let low = 0;
  let high = items.length;
  if (high && seq > items[high - 1].seq) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Remembers the focus inside a row that is about to be drawn anew; the answer gives it back. */
function focusIn(row) {
  const now = document.activeElement;
  if (!row.contains(now)) return () => {};
  const field = now.closest("[data-field]")?.dataset.field;
  const action = now.dataset.action;
  const caret = now.selectionStart;
  return (fresh) => {
    const target = field
      ? fresh.querySelector(`[data-field="${CSS.escape(field)}"] :is(input, select, textarea)`)
      : action && fresh.querySelector(`[data-action="${CSS.escape(action)}"]`);
    target?.focus({ preventScroll: true });
    if (typeof caret === "number" && target?.setSelectionRange) target.setSelectionRange(caret, caret);
  };
}
