// One short sentence at the foot of the page, read out, gone by itself.

import { el } from "./dom.js";

const SECONDS = 5;

export function toast(text, kind = "info") {
  const note = el(`p.toast.${kind}`, {}, text);
  const place = document.getElementById("toasts");
  place.append(note);
  while (place.childElementCount > 3) place.firstElementChild.remove();
  setTimeout(() => note.remove(), SECONDS * 1000);
}

export const complain = (problem) => toast(problem.message, "wrong");
