/** What is known of a result, and what else can be done with it. */

import { h, set } from "./dom.js";
import { doAgain, TASKS } from "./drafts.js";
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
      list.replaceChildren(...rows(item).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
      remarks.replaceChildren(...(item.result?.remarks ?? []).map((remark) => h("li", {}, remark)));
      set(again, { hidden: !item.images.photograph || !ENDED.has(item.state) });
    },
  };
}

function rows(item) {
  const measured = Object.entries(FACTS)
    .map(([name, [title, written]]) => [title, item.result?.[name] ?? null, written])
    .filter(([, value]) => Number.isFinite(value))
    .map(([title, value, written]) => [title, written(value)]);
  const settings = Object.entries(item.settings ?? {})
    .filter(([name, value]) => value !== null && typeof value !== "object" && name !== "task" && name !== "name")
    .map(([name, value]) => [name.replaceAll("_", " "), String(value)]);
  const task = item.task === "generate" ? "Drawn from the prior" : (TASKS[item.task]?.title ?? item.task);
  return [
    ["Task", task],
    ["State", item.state],
    ...(item.error ? [["Why", item.error]] : []),
    ...measured,
    ...settings,
  ];
}
