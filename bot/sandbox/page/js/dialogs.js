// Modal things: a question, a picture at full size.

import { el, icon, iconButton } from "./dom.js";

/** Resolves to true when the person agrees. */
export function ask(question, { yes = "确定", danger = false } = {}) {
  const dialog = el("dialog.ask", { "aria-label": question });
  const close = (answer) => () => dialog.close(answer);
  dialog.append(
    el("p", {}, question),
    el(".row", {},
      el("button.button", { type: "button", onclick: close("") }, "取消"),
      el(danger ? "button.button.danger" : "button.button.primary", {
        type: "button", autofocus: true, onclick: close("yes"),
      }, yes)),
  );
  return show(dialog).then((answer) => answer === "yes");
}

export function enlarge(url, caption) {
  const dialog = el("dialog.viewer", { "aria-label": caption || "图片" });
  dialog.append(
    el("img", { src: url, alt: caption }),
    el(".viewer-bar", {},
      el("span", {}, caption),
      el("a.icon-button", { href: url, download: "", title: "保存图片", "aria-label": "保存图片" }, icon("download")),
      iconButton("close", "关闭", () => dialog.close())),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return show(dialog);
}

export function sheet(label, ...children) {
  const dialog = el("dialog.sheet", { "aria-label": label });
  dialog.append(
    el("header", {}, el("h2", {}, label), iconButton("close", "关闭", () => dialog.close())),
    ...children,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  show(dialog);
  return dialog;
}

function show(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(dialog.returnValue);
    });
  });
}
