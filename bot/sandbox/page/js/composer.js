// Where one writes: a line, a voice text, a file; examples above it.

import { el, icon, iconButton } from "./dom.js";

const drafts = new Map(); // chat → unsent text, for as long as the page is open

/** `lines` are worth trying; `send({text, kind, mention})` and `upload(file)` are what it does. */
export function composer({ place, inGroup, bot, lines, send, upload }) {
  let lastLine = "";
  const key = `${place.platform}/${place.person}/${place.chat}`;
  const area = el("textarea", {
    rows: 1, value: drafts.get(key) ?? "", enterKeyHint: "send", "aria-label": "消息", data: { testid: "composer" },
  });
  const mention = toggle(`@${bot}`, inGroup, "群里只有提到期台的消息，它才会读");
  const voice = toggle("语音", false, "把这行字当作一条语音的识别结果发出", icon("voice"));
  const on = (button) => button.getAttribute("aria-pressed") === "true";
  const hint = () => {
    if (on(voice)) area.placeholder = "写下语音里说的话";
    else if (!inGroup) area.placeholder = `发消息给${bot}`;
    else area.placeholder = on(mention) ? `@${bot} 说点什么` : "发到群里，期台不会读";
  };

  const submit = () => {
    const text = area.value.trim();
    if (!text) return;
    lastLine = text;
    area.value = "";
    drafts.delete(key);
    const kind = on(voice) ? "voice" : "text";
    const [said, named] = withoutName(text, bot);
    send({ text: said, kind, mention: !inGroup || named || on(mention) });
    voice.setAttribute("aria-pressed", "false"); // the next line is a line again
    hint();
    area.focus();
  };

  const trying = (line) => send({ text: line, kind: "text", mention: true });

  area.addEventListener("input", () => drafts.set(key, area.value));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && !area.value && lastLine) {
      event.preventDefault();
      area.value = lastLine;
    }
  });
  area.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    files.forEach(upload);
  });

  const picker = el("input", { type: "file", multiple: true, hidden: true, data: { testid: "upload" } });
  picker.addEventListener("change", () => {
    [...picker.files].forEach(upload);
    picker.value = "";
  });
  for (const button of [mention, voice]) button.addEventListener("click", hint);
  hint();

  const root = el("form.composer", { onsubmit: (event) => (event.preventDefault(), submit()) },
    el(".chips", { role: "group", "aria-label": "试试这些" }, lines.map((line) =>
      el("button.chip", { type: "button", title: line, onclick: () => trying(line) }, line))),
    el(".composer-box", {},
      area,
      el(".composer-tools", {},
        inGroup ? mention : null,
        voice,
        iconButton("attach", "发图片或文件", () => picker.click()),
        picker,
        el("button.send", { type: "submit", "aria-label": "发送", data: { testid: "send" } }, icon("send"), "发送"))));
  return { root, focus: () => area.focus({ preventScroll: true }) };
}

/** Typing the name is mentioning, too. */
function withoutName(text, bot) {
  const rest = text.startsWith(`@${bot}`) ? text.slice(bot.length + 1).trim() : "";
  return rest ? [rest, true] : [text, false];
}

function toggle(label, on, title, sign = null) {
  const button = el("button.toggle", { type: "button", title, "aria-pressed": String(on) }, sign, label);
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  });
  return button;
}

/** Files dropped anywhere on `target` are handed on one by one. */
export function acceptDrops(target, upload, signal) {
  let depth = 0; // enter and leave also come from the children
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    target.classList.toggle("dropping", depth > 0);
  };
  const files = (event) => event.dataTransfer?.types.includes("Files");
  target.addEventListener("dragenter", (event) => files(event) && mark(1), { signal });
  target.addEventListener("dragleave", (event) => files(event) && mark(-1), { signal });
  target.addEventListener("dragover", (event) => files(event) && event.preventDefault(), { signal });
  target.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    mark(-depth);
    [...event.dataTransfer.files].forEach(upload);
  }, { signal });
}
