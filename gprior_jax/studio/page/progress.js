/** How far an item is: step, PSNR, time left, and its way there as a line. */

import { api } from "./api.js";
import { compilingOf, sayCompiling } from "./compiling.js";
import { duration, h, set } from "./dom.js";
import { ENDED, itemOf, putItem, removeItem, store } from "./studio.js";
import { attempt } from "./toasts.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [160, 36];
const TICK_MS = 400;

export function makeProgress() {
  const bar = h("progress", { max: 1, "aria-label": "Progress" });
  const psnr = h("b.figure");
  const left = h("span");
  const step = h("span");
  const line = document.createElementNS(SVG, "polyline");
  const chart = document.createElementNS(SVG, "svg");
  chart.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  chart.setAttribute("class", "chart");
  chart.setAttribute("aria-hidden", "true");
  chart.append(line);
  const act = (does) => () => attempt(() => does(store.state.current));
  const stop = h(
    "button.main",
    { type: "button", on: { click: act(async (id) => putItem(await api.stop(store.state.session.id, id))) } },
    "Stop and keep",
  );
  const cancel = h("button.plain", { type: "button", on: { click: act(removeItem) } }, "Cancel");
  const element = h(
    "div.progress",
    {},
    bar,
    h("div.figures", {}, psnr, h("p", {}, step, left), chart),
    h("div.row", {}, cancel, stop),
  );
  const ways = new Map();
  let timer = 0;

  /** What is compiled tells nothing: it is shown by the clock. */
  function compile(item) {
    const { part, words } = compilingOf(item);
    set(bar, { value: part });
    set(step, { textContent: words });
    if (part) sayCompiling(item, words);
    clearTimeout(timer);
    timer = setTimeout(() => itemOf(item.id)?.step === 0 && element.isConnected && update(itemOf(item.id)), TICK_MS);
  }

  function update(item) {
    clearTimeout(timer);
    set(element, { hidden: ENDED.has(item.state) });
    if (ENDED.has(item.state)) {
      ways.delete(item.id);
      return;
    }
    set(stop, { disabled: item.state !== "running" });
    set(psnr, { textContent: Number.isFinite(item.psnr) ? `${item.psnr.toFixed(1)} dB` : "", hidden: !item.psnr });
    set(left, { textContent: item.seconds_left == null ? "" : `, ${duration(item.seconds_left)} left` });
    line.setAttribute("points", drawn(wayOf(ways, item)));
    if (compilingOf(item)) {
      compile(item);
      return;
    }
    set(bar, { value: item.steps ? item.step / item.steps : 0 });
    set(step, { textContent: item.state === "queued" ? "waits for its turn" : `step ${item.step} of ${item.steps}` });
  }

  return { element, update };
}

/** PSNR at the steps that were told. */
function wayOf(ways, item) {
  const way = ways.get(item.id) ?? [];
  if (Number.isFinite(item.psnr) && way.at(-1)?.[0] !== item.step) way.push([item.step, item.psnr]);
  ways.set(item.id, way);
  return way;
}

function drawn(way) {
  if (way.length < 2) return "";
  const values = way.map(([, psnr]) => psnr);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = way.at(-1)[0] || 1;
  const y = (value) => HEIGHT - 3 - ((value - low) / Math.max(1e-6, high - low)) * (HEIGHT - 6);
  return way.map(([step, psnr]) => `${((step / last) * WIDTH).toFixed(1)},${y(psnr).toFixed(1)}`).join(" ");
}
