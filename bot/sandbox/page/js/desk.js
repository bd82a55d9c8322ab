// The chat program of one person on one platform: rail, chats, conversation, composer, tools.

import * as api from "./api.js";
import { avatar, botAvatar, groupAvatar } from "./avatar.js";
import { ChatList } from "./chats.js";
import { acceptDrops, composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { sheet } from "./dialogs.js";
import { el, icon, iconButton } from "./dom.js";
import { deskOf, jobName, linesFor } from "./jobs.js";
import { follow } from "./live.js";
import { Panel } from "./panel.js";
import { peopleByJob } from "./people.js";
import { go, href } from "./place.js";
import { nameOf as platformName, platformSwitch } from "./platforms.js";
import { choose } from "./stories.js";
import { complain } from "./toast.js";

const BOT = "期台";
const quietly = () => {}; // the next question will find what this one missed

export class Desk {
  #conversation = null;
  #drops = new AbortController();
  #askedForChats = 0;
  #wanted = ""; // the chat that the address names
  #place;

  /** `world` is {people, ready, person(id), nameOf(id), now(), learn(), visit(place, act)}: what all desks know. */
  constructor(world, place) {
    this.world = world;
    this.who = { platform: place.platform, person: place.person };
    this.#place = place;
    this.list = new ChatList({ ...this.who, now: world.now });
    const { now, learn, nameOf } = world;
    const visit = (to, act) => {
      this.panel.makeWay();
      world.visit(to, act);
    };
    this.panel = new Panel({ platform: place.platform, now, learn, nameOf, visit });
    this.root = this.#build();
    this.#unfollow = follow(this.who, {
      screen: ({ chat, seq }) => this.#changed(chat, seq),
      wire: ({ n }) => this.panel.wireMoved(n),
      connected: () => this.#learn(),
      poll: () => this.#poll(),
    });
  }

  #unfollow;

  close() {
    this.#unfollow();
    this.#conversation?.close();
    this.#drops.abort();
    this.panel.close();
    this.root.remove();
  }

  /** Opens `chat`, or on a wide screen the first one when none is named. */
  async open(chat) {
    this.#wanted = chat;
    await this.#loadChats();
    if (chat === this.#wanted) this.#show(chat);
  }

  #show(chat) {
    const wide = matchMedia("(min-width: 721px)").matches;
    const known = this.list.find(chat) ?? (chat || wide ? this.list.find("private") : undefined);
    this.root.dataset.screen = known ? "chat" : "list";
    if (known?.id === this.#place.chat && this.#conversation) return;
    this.#place = { ...this.who, chat: known?.id ?? "" };
    this.#showChat(known);
    this.#loadChatsSoon();
  }

  /** Says a line in the open chat. */
  say = (text, { kind = "text", mention = true } = {}) => {
    const message = { ...this.#place, text, mention, kind };
    return this.#conversation?.send(text, () => api.say(message));
  };

  /** Opens the tools at this story. */
  tell(story) {
    choose(story);
    this.panel.show("tour");
  }

  upload = (file) => {
    const place = this.#place;
    return this.#conversation?.send(file.name || "图片", () => api.upload(place, file));
  };

  // News.

  #changed(chat, seq) {
    if (seq && chat === this.#place.chat) this.#conversation?.want().catch(quietly); // 0: a read mark
    this.#loadChatsSoon();
  }

  #poll() {
    if (!this.#conversation) this.open(this.#wanted);
    this.#conversation?.want().catch(quietly);
    this.#loadChatsSoon();
    this.#learn();
    this.panel.wireMoved();
  }

  async #learn() {
    try {
      const state = await this.world.learn();
      this.offline.textContent = `期台没有连上${platformName(this.who.platform)}：现在发的消息不会被收下。`;
      this.offline.hidden = state.connected[this.who.platform] > 0;
      this.panel.learn(state);
    } catch (problem) {
      this.offline.textContent = `${problem.message}。正在重试…`;
      this.offline.hidden = false;
    }
  }

  #loadChatsSoon() {
    clearTimeout(this.#askedForChats);
    this.#askedForChats = setTimeout(() => this.#loadChats(), 120);
  }

  async #loadChats() {
    const chats = await api.chats(this.who).catch(quietly);
    if (!chats) return;
    const open = this.root.dataset.screen === "chat" ? this.#place.chat : "";
    const read = !document.hidden && this.#conversation?.seesEnd ? open : "";
    if (chats.some((chat) => chat.id === read && chat.unread)) api.read(this.#place).catch(quietly);
    this.list.show(chats.map((chat) => (chat.id === read ? { ...chat, unread: 0 } : chat)), open);
    const { unread } = this.list;
    document.title = unread ? `(${unread}) ${BOT}` : `${this.world.nameOf(this.who.person)} · ${BOT}`;
  }

  // Drawing.

  #build() {
    const { person, platform } = this.who;
    const me = this.world.person(person);
    const { name } = me;
    this.offline = el("p.offline", { role: "status", hidden: true });
    this.chat = el("main.chat");
    return el(".desk", { data: { platform, screen: "list" } },
      el("header.rail", {},
        el("button.me", {
          type: "button",
          title: "换个人",
          "aria-label": `现在是${name}，换个人`,
          data: { testid: "me" },
          onclick: () => this.#switchPerson(),
        }, avatar(person, name), icon("switch")),
        platformSwitch(platform, this.world.ready, (id) => go({ platform: id, person })),
        el("span.grow"),
        iconButton("theme", "切换深浅色", () => window.theme.toggle(), { data: { testid: "theme" } }),
        iconButton("tools", "沙箱工具", () => this.panel.toggle(), { data: { testid: "tools" } })),
      el("aside.side", {},
        el("header.side-head", {},
          el("a.home", { href: href({ platform }), title: "回到首页" }, el("strong", {}, name)),
          el("span", {}, [deskOf(me), jobName(me)].filter((word) => word && word !== name).join(" "))),
        this.list.root),
      this.chat,
      this.panel.root);
  }

  #showChat(chat) {
    this.#conversation?.close();
    this.#conversation = null;
    this.#drops.abort();
    if (!chat) {
      this.chat.replaceChildren(el("p.nothing", {}, "选一个会话"));
      return;
    }
    const place = this.#place;
    const inGroup = chat.id !== "private";
    this.#conversation = new Conversation({
      where: place, inGroup, unread: chat.unread, nameOf: this.world.nameOf, now: this.world.now,
      say: (line) => this.say(line), see: () => this.#loadChatsSoon(),
    });
    const writing = composer({
      place, inGroup, bot: BOT, upload: this.upload, lines: linesFor(this.world.person(place.person)),
      send: ({ text, ...how }) => this.say(text, how),
    });
    this.chat.replaceChildren(this.#head(chat, inGroup), this.offline, this.#conversation.root, writing.root);
    this.#drops = new AbortController();
    acceptDrops(this.chat, this.upload, this.#drops.signal);
    this.#conversation.want().catch(complain);
    if (matchMedia("(pointer: fine)").matches) writing.focus();
  }

  #head(chat, inGroup) {
    const members = inGroup ? chat.members : [];
    return el("header.chat-head", {},
      el("a.icon-button.back", { href: href(this.who), "aria-label": "返回会话列表" }, icon("back")),
      inGroup ? groupAvatar(members) : botAvatar(),
      el(".chat-title", {},
        el("h2", {}, chat.title),
        el("small", {}, inGroup ? `${members.length} 位同事和${BOT}` : "期货业务助手 · 随时可问")),
      inGroup ? this.#membersButton(chat) : null,
      iconButton("tools", "沙箱工具", () => this.panel.toggle(), { data: { place: "chat" } }));
  }

  #membersButton(chat) {
    const { length } = chat.members;
    const show = { type: "button", "aria-label": `${length} 位成员`, onclick: () => this.#showMembers(chat) };
    return el("button.members", show, icon("people"), String(length));
  }

  #showMembers(chat) {
    const members = chat.members.map(({ id }) => this.world.person(id));
    const cards = peopleByJob(members, this.who.platform, { here: this.who.person, chat: chat.id });
    const dialog = sheet(`${chat.title}的成员`, el("p.sheet-lead", {}, "点一位就换成他，看他屏幕上的这个群。"), cards);
    dialog.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
  }

  async #switchPerson() {
    const { platform, person } = this.who;
    const lead = el("p.sheet-lead", {}, "点一位就换成他；在新标签页里打开，就能同时扮演几个人。");
    const dialog = sheet("换个人", lead, peopleByJob(this.world.people, platform, { here: person }));
    dialog.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
    const unread = await this.#unreadOfAll();
    const marked = peopleByJob(this.world.people, platform, { here: person, unread });
    if (dialog.open) dialog.lastElementChild.replaceWith(marked);
  }

  /** Person → how much he has not read: who should one look at next. */
  async #unreadOfAll() {
    const { platform } = this.who;
    const count = async ({ id }) => {
      const chats = await api.chats({ platform, person: id }).catch(() => []);
      return [id, chats.reduce((sum, chat) => sum + chat.unread, 0)];
    };
    return new Map(await Promise.all(this.world.people.map(count)));
  }
}
