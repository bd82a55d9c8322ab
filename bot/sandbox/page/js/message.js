// One item of a screen: who said it, and the bubble that fits its kind.

import { mediaUrl } from "./api.js";
import { avatar, botAvatar } from "./avatar.js";
import { cardView } from "./card.js";
import { enlarge } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { markdown, plain, targets } from "./markdown.js";
import * as time from "./time.js";

/** `reader` is who looks on: {me, platform, nameOf, inGroup, say, desk}; `question` what the item answers. */
export function message(item, reader, question = null) {
  const mine = item.from === reader.me;
  const name = item.from === "bot" ? "期台" : reader.nameOf(item.from);
  return el(`.message${mine ? ".mine" : ""}`, { data: { from: item.from, kind: item.kind } },
    item.from === "bot" ? botAvatar() : avatar(item.from, name),
    el(".said", {},
      el("span.by", { hidden: mine || !reader.inGroup }, name),
      el("time.at", { dateTime: new Date(time.ms(item.at)).toISOString() }, time.second(item.at)),
      question ? quote(question, reader) : null,
      (BUBBLES[item.kind] ?? words)(item, reader),
      links(item, reader),
      item.toast ? el("p.item-toast", { role: "status" }, item.toast) : null));
}

const BUBBLES = {
  text: (item) => (item.voice ? voice(item) : words(item)),
  markdown: (item, reader) => el(".bubble", {}, markdown(broken(item.text, reader.platform), reader.say)),
  card: (item, reader) => (item.card ? cardView(item.card, reader.desk) : words(item, reader)),
  image,
  file,
  sms: (item) => notice("sms", "短信", item.text),
  call: (item) => notice("phone", "电话", item.text),
  ding: (item) => notice("ding", "DING", item.text),
};

const SIGNS = { image: "[图片]", file: "[文件]" };

function quote({ from, kind, text }, reader) {
  const said = SIGNS[kind] ?? (text ?? "").replace(/^@\S+\s+/, "").split("\n")[0];
  return el("p.quote", {}, `${reader.nameOf(from)}：${said}`);
}

function words(item) {
  return el(".bubble.words", {}, plain(item.text ?? ""));
}

function voice(item) {
  return el(".bubble.words.voice", {}, icon("voice"), el("span", {}, item.text));
}

function image(item) {
  const url = mediaUrl(item.url);
  if (!url) return words({ text: item.text || "[图片]" });
  const caption = item.text === item.name ? "" : item.text; // a sent picture has only its name
  const enlarges = { type: "button", "aria-label": `放大图片 ${item.text}`, onclick: () => enlarge(url, item.text) };
  return el("figure.photo", {},
    el("button", enlarges, el("img", { src: url, alt: item.text })),
    caption ? el("figcaption", {}, plain(caption)) : null);
}

function file(item) {
  const url = mediaUrl(item.url);
  const name = item.name || item.text || "文件";
  const ending = /\.(\w{1,5})$/.exec(name)?.[1] ?? "";
  const body = [
    el("span.file-kind", { "aria-hidden": "true", data: { ending: ending.toLowerCase() } },
      ending.toUpperCase() || "文件"),
    el("span.file-name", {}, name),
  ];
  if (!url) return el(".bubble.file", {}, body);
  return el("a.bubble.file", { href: url, download: name, "aria-label": `下载 ${name}` }, body, icon("download"));
}

const notice = (sign, kind, text) =>
  el(`.notice.${sign}`, {}, el("strong", {}, icon(sign), kind), el("p", {}, plain(text ?? "")));

/** Links that the text itself does not offer, as a row of buttons. */
function links(item, reader) {
  const offered = item.kind === "markdown" ? targets(item.text) : [];
  const left = (item.links ?? []).filter((link) => !offered.includes(link.say ?? link.url));
  if (!left.length) return null;
  return el(".links", {}, left.map((link) => (link.say === undefined ? address(link) : command(link, reader))));
}

const command = ({ label, say }, reader) =>
  el("button.button.plain", { type: "button", onclick: () => reader.say(say) }, label);

const address = ({ label, url }) =>
  /^https?:\/\//i.test(url)
    ? el("a.button.plain", { href: url, target: "_blank", rel: "noopener noreferrer" }, label, icon("open"))
    : el("button.button.plain", { type: "button", disabled: true }, label);

/** WeCom ends a line where the text does; DingTalk only after two spaces. */
function broken(text, platform) {
  return platform === "wecom" ? text.replace(/\n/g, "  \n") : text;
}
