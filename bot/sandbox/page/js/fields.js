// The inputs of a card. Each box has read(), complain() and required.

import { el } from "./dom.js";

/** `draft` is a map that keeps what was typed, so that an update of the card does not lose it. */
export function field(input, draft) {
  const value = draft.get(input.key) ?? input.value ?? "";
  const keep = (now) => draft.set(input.key, now);
  const { control, read } = (KINDS[input.kind] ?? text)(input, value, keep);
  const warning = el("span.warning", { role: "alert" });
  const label = input.kind === "multi_select" ? "fieldset" : "label";
  const name = input.kind === "multi_select" ? "legend" : "span";
  const box = el(`${label}.field`, { data: { field: input.key } },
    el(name, {}, input.label, input.required ? el("b", { "aria-hidden": "true" }, "*") : null),
    control, warning);
  box.addEventListener("input", () => warning.replaceChildren());
  return Object.assign(box, {
    read,
    required: Boolean(input.required),
    complain() {
      warning.textContent = `请填写${input.label}`;
      box.querySelector("input, select, textarea")?.focus();
    },
  });
}

const KINDS = { text, date, select, multi_select: multiSelect };

function text(input, value, keep) {
  const control = el("textarea", {
    rows: 1,
    value,
    required: Boolean(input.required),
    placeholder: input.placeholder ?? "",
    oninput: () => keep(control.value),
  });
  return { control, read: () => control.value.trim() };
}

function date(input, value, keep) {
  const control = el("input", {
    type: "date", value, required: Boolean(input.required), onchange: () => keep(control.value),
  });
  return { control, read: () => control.value };
}

function select(input, value, keep) {
  const control = el("select", { required: Boolean(input.required), onchange: () => keep(control.value) },
    el("option", { value: "" }, "请选择"),
    input.options.map((option) => el("option", { value: option.value, selected: option.value === value }, option.label)));
  return { control, read: () => control.value };
}

function multiSelect(input, value, keep) {
  const chosen = new Set(typeof value === "string" ? value.split(",").filter(Boolean) : value);
  const toggle = (option) => () => {
    if (!chosen.delete(option)) chosen.add(option);
    keep([...chosen]);
  };
  const control = el(".checks", {}, input.options.map((option) =>
    el("label", {},
      el("input", { type: "checkbox", checked: chosen.has(option.value), onchange: toggle(option.value) }),
      option.label)));
  return { control, read: () => [...chosen] };
}
