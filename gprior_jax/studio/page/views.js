/** The result on the easel: alone, beside what it is compared with, split, or as their difference. */

import { h, set } from "./dom.js";
import { icon } from "./icons.js";
import { makePicture } from "./picture.js";
import { setView, store } from "./studio.js";

export const MODES = {
  result: { title: "Result", icon: "picture" },
  side: { title: "Side by side", icon: "compare" },
  split: { title: "Split", icon: "split" },
  difference: { title: "Difference", icon: "difference" },
};

export const AGAINST = { placed: "Photograph", measured: "What was given", result: "Before the edit" };

const KEY_STEP = 0.02;

/** What the current item can be compared with. */
export const comparable = (item) => Object.keys(AGAINST).filter((name) => item?.images[name]);

export function makeViews() {
  const [shown, other, beside] = [makePicture("canvas.shown"), makePicture("canvas.other"), makePicture()];
  const [heat, territories] = [makePicture("canvas.laid.heat"), makePicture("canvas.laid.territories")];
  const divider = makeDivider();
  const names = [h("figcaption.chip"), h("figcaption.chip"), h("span.chip.right", { hidden: true })];
  const left = h("figure.picture", {}, beside.element, names[0]);
  const right = h(
    "figure.picture",
    {},
    h("div.pair", {}, shown.element, other.element),
    heat.element,
    territories.element,
    names[1],
    names[2],
    divider,
  );
  const element = h("div.easel", {}, left, right);

  /** Shows addresses and their words: {result, against, heat, territories}. */
  function show(state, { result, against, heat: hot, territories: areas, title, name, isWaiting }) {
    const mode = against ? state.view.mode : "result";
    element.dataset.mode = mode;
    element.style.setProperty("--pixel", `${state.about.size[0]}px`);
    element.classList.toggle("pixels", state.view.pixels);
    element.classList.toggle("waits", Boolean(isWaiting));
    set(left, { hidden: mode !== "side" });
    set(divider, { hidden: mode !== "split" });
    const { pixels } = state.view;
    shown.show(result, mode === "difference" ? `Difference of ${title} and ${name}` : title, pixels);
    other.show(mode === "split" || mode === "difference" ? against : null, name, pixels);
    beside.show(mode === "side" ? against : null, name, pixels);
    heat.show(hot, "Heat map", pixels);
    territories.show(areas, "Regions of the codes", pixels);
    for (const [own, isSeen] of [
      [other, mode === "split" || mode === "difference"],
      [heat, hot],
      [territories, areas],
    ]) {
      set(own.element, { hidden: !isSeen });
    }
    names[0].textContent = name ?? "";
    names[1].textContent = { side: title, split: name, difference: "Difference × 4" }[mode] ?? "";
    names[2].textContent = title;
    set(names[1], { hidden: mode === "result" });
    set(names[2], { hidden: mode !== "split" });
    const part = Math.round(state.view.split * 100);
    element.style.setProperty("--split", `${part}%`);
    set(divider, { "aria-valuenow": part, "aria-valuetext": `${name} on the left ${part} percent` });
  }

  return { element, show };
}

/** The divider of the split view: dragged, or moved by keys. */
function makeDivider() {
  const divider = h("div.divider", {
    tabIndex: 0,
    role: "slider",
    "aria-label": "Where the picture is split",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    hidden: true,
  });
  const to = (split) => setView({ split: Math.min(1, Math.max(0, split)) });
  const follow = (event) => {
    const box = divider.parentElement.getBoundingClientRect();
    to((event.clientX - box.left) / box.width);
  };
  divider.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    divider.focus();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) follow(event);
  });
  divider.addEventListener("keydown", (event) => {
    const { split } = store.state.view;
    const moves = {
      ArrowLeft: split - KEY_STEP,
      ArrowDown: split - KEY_STEP,
      ArrowRight: split + KEY_STEP,
      ArrowUp: split + KEY_STEP,
      Home: 0,
      End: 1,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    to(moves[event.key]);
  });
  return divider;
}

/** The bar below the easel: how the result is shown. */
export function makeViewBar() {
  const buttons = Object.entries(MODES).map(([mode, { title, icon: name }]) =>
    h(
      "button.choice",
      { type: "button", title, "data-mode": mode, on: { click: () => setView({ mode }) } },
      icon(name),
      h("span", {}, title),
    ),
  );
  const against = h("select", {
    "aria-label": "Compare with",
    on: { change: ({ target }) => setView({ against: target.value }) },
  });
  const element = h(
    "div.tools.views",
    {},
    h("div.segments", { role: "group", "aria-label": "View" }, buttons),
    h("label.dial", {}, h("span", {}, "with"), against),
  );
  let offered = "";
  return {
    element,
    update(state, item) {
      const able = comparable(item);
      for (const button of buttons) {
        set(button, {
          "aria-pressed": String(button.dataset.mode === state.view.mode),
          disabled: !able.length && button.dataset.mode !== "result",
        });
      }
      if (offered !== able.join()) {
        offered = able.join();
        against.replaceChildren(...able.map((name) => h("option", { value: name }, AGAINST[name])));
      }
      set(against.parentElement, { hidden: !able.length });
      set(against, { value: able.includes(state.view.against) ? state.view.against : (able[0] ?? "") });
    },
  };
}
