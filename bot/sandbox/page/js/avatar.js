// Avatars made from names, so that nobody needs a photograph.

import { el } from "./dom.js";

const HUES = [212, 164, 262, 24, 340, 190, 44, 288, 140, 84, 232, 312];

export function avatar(id, name) {
  const face = el("span.avatar", { "aria-hidden": "true" }, name.slice(-2));
  face.style.setProperty("--hue", HUES[hash(id) % HUES.length]);
  return face;
}

export const botAvatar = () =>
  el("img.avatar", { src: new URL("../logo.svg", import.meta.url).pathname, alt: "", width: 40, height: 40 });

export function groupAvatar(members) {
  const tiles = members.slice(0, 4).map((member) => avatar(member.id, member.name.slice(-1)));
  return el("span.avatar.group", { "aria-hidden": "true" }, tiles);
}

function hash(text) {
  let sum = 7;
  for (const letter of text) sum = (sum * 53 + letter.codePointAt(0)) % 9973;
  return sum;
}
