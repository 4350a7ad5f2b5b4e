/** What is known of a result, and what else can be done with it. */

import { h, set } from "./dom.js";
import { doAgain, TASKS } from "./drafts.js";
import { CHOICES, NUMBERS } from "./fields.js";
import { icon } from "./icons.js";
import { ENDED, removeItem } from "./studio.js";
import { attempt } from "./toasts.js";

const FACTS = {
  psnr: ["PSNR", (value) => `${value.toFixed(2)} dB`],
  ssim: ["SSIM", (value) => value.toFixed(4)],
  lpips: ["LPIPS", (value) => value.toFixed(4)],
  loss: ["Loss", (value) => value.toPrecision(4)],
  steps: ["Steps", String],
  seconds: ["Seconds", (value) => value.toFixed(1)],
};

export function makeFacts() {
  const list = h("dl.facts");
  const remarks = h("ul.remarks");
  let item = null;
  const again = h(
    "button.plain",
    { type: "button", on: { click: () => doAgain(item) } },
    icon("crop"),
    "Place and do again…",
  );
  const remove = h(
    "button.plain",
    { type: "button", on: { click: () => attempt(() => removeItem(item.id)) } },
    icon("remove"),
    "Remove",
  );
  return {
    element: h("div", {}, list, remarks, h("div.row", {}, again, remove)),
    update(state, now) {
      if (now === item) return;
      item = now;
      list.replaceChildren(...rows(state.about, item).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
      remarks.replaceChildren(...(item.result?.remarks ?? []).map((remark) => h("li", {}, remark)));
      set(again, { hidden: !item.images.photograph || !ENDED.has(item.state) });
    },
  };
}

const TITLES = {
  ...Object.fromEntries([...NUMBERS, ...CHOICES].map(({ name, title }) => [name, title])),
  label: "Class",
  psi: "Truncation ψ",
};

const STATES = { queued: "Waits", running: "Under way" };

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A setting as it is called where it is chosen. */
function inWords(about, name, value) {
  if (name === "method") return about.methods.find((own) => own.name === value)?.title ?? value;
  if (name === "label") return about.class_names?.[value] ?? String(value);
  if (typeof value === "boolean") return value ? "Yes" : "No";
  const choice = CHOICES.find((own) => own.name === name)?.choices.find(([own]) => own === value);
  return choice?.[1] ?? (typeof value === "string" ? capital(value) : String(value));
}

function rows(about, item) {
  const measured = Object.entries(FACTS)
    .map(([name, [title, written]]) => [title, item.result?.[name] ?? null, written])
    .filter(([, value]) => Number.isFinite(value))
    .map(([title, value, written]) => [title, written(value)]);
  const settings = Object.entries(item.settings ?? {})
    .filter(([name, value]) => value !== null && typeof value !== "object" && name !== "task" && name !== "name")
    .map(([name, value]) => [TITLES[name] ?? capital(name.replaceAll("_", " ")), inWords(about, name, value)]);
  const task = item.task === "generate" ? "Drawn from the prior" : (TASKS[item.task]?.title ?? item.task);
  return [
    ["Task", task],
    ["State", STATES[item.state] ?? capital(item.state)],
    ...(item.error ? [["Why", item.error]] : []),
    ...measured,
    ...settings,
  ];
}
