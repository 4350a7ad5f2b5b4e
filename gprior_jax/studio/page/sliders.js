/** Sliders of directions, in standard deviations. */

import { debounced, h, set, signed, unique } from "./dom.js";
import { layersOf, NEUTRAL, strengthOf, withSlider } from "./edits.js";
import { icon } from "./icons.js";
import { makeLayers } from "./layers.js";
import { directionsOf } from "./stage.js";
import { currentItem, editFor, makeEdit, store, tryEdit } from "./studio.js";

const STEP = 0.1;
const POINT_MS = 120;

export const KINDS = {
  boundary: "Attributes",
  sefa: "SeFa",
  ganspace: "GANSpace",
  file: "From files",
};

const ABOUT = {
  boundary: "Learned boundaries: each is one attribute.",
  sefa: "Directions in which the generator's weights change most.",
  ganspace: "Principal components of what the generator makes.",
  file: "Directions that were read.",
};

/** All sliders, in groups. */
export function makeSliders() {
  const groups = h("div.groups");
  const rows = new Map();
  let offered = null;
  // A strip for whatever the pointer crosses would be asked for in vain.
  const point = debounced(POINT_MS, (hand) => store.set({ hand }));

  function offer(state) {
    const all = directionsOf(state);
    const key = all.map((own) => own.name).join("\n");
    if (key === offered) return;
    offered = key;
    rows.clear();
    groups.replaceChildren(
      ...Object.keys(KINDS).map((kind) =>
        group(
          kind,
          all.filter((own) => own.kind === kind),
        ),
      ),
    );
    for (const other of groups.querySelectorAll("details:empty")) other.remove();
  }

  function group(kind, directions) {
    const element = h(
      "details",
      { open: kind !== "ganspace", hidden: !directions.length },
      h("summary", { title: ABOUT[kind] }, KINDS[kind], h("span.badge", {}, String(directions.length))),
    );
    for (const direction of directions) {
      const row = makeRow(direction, point);
      rows.set(direction.name, row);
      element.append(row.element);
    }
    return element;
  }

  return {
    element: groups,
    update(state, item) {
      offer(state);
      const edit = editFor(item.id, state);
      for (const row of rows.values()) row.update(edit, state);
    },
  };
}

function makeRow(direction, point) {
  const { name, title, range } = direction;
  const id = unique("slider");
  const drag = dragged(
    (edit, value) => withSlider(edit, name, value),
    (value) => `${title} ${signed(value)}`,
    name,
  );
  const input = h("input", {
    type: "range",
    id,
    min: range[0],
    max: range[1],
    step: STEP,
    value: "0",
    "data-direction": name,
    on: { ...drag, focus: () => store.set({ hand: name }), dblclick: () => reset(direction) },
  });
  const value = h("output", { htmlFor: id });
  const back = h(
    "button.bare",
    { type: "button", "aria-label": `Reset ${title}`, on: { click: () => reset(direction) } },
    icon("reset"),
  );
  const layers = makeLayers(`Layers of ${title}`, (text) => {
    const item = currentItem();
    const edit = editFor(item.id);
    makeEdit(item.id, `Layers of ${title}`, edit, withSlider(edit, name, strengthOf(edit, name), text));
  });
  const element = h(
    "div.slider",
    { on: { pointerenter: () => point(name), focusin: () => store.set({ hand: name }) } },
    h("div.line", {}, h("label", { htmlFor: id }, title), layers.element, back, value),
    input,
  );
  return {
    element,
    update(edit, state) {
      const now = strengthOf(edit, name);
      set(input, { value: String(now), "aria-valuetext": `${signed(now)} standard deviations` });
      input.style.setProperty("--at", String((now - range[0]) / (range[1] - range[0])));
      input.style.setProperty("--middle", String(-range[0] / (range[1] - range[0])));
      set(value, { textContent: now ? signed(now) : "0" });
      back.classList.toggle("away", !now && layersOf(edit, name) === null);
      set(back, { disabled: !now && layersOf(edit, name) === null });
      element.classList.toggle("used", now !== 0);
      element.classList.toggle("hand", state.hand === name);
      layers.update(layersOf(edit, name) ?? direction.layers, state.about.styles);
    },
  };
}

function reset(direction) {
  const item = currentItem();
  const edit = editFor(item.id);
  makeEdit(item.id, `Reset ${direction.title}`, edit, withSlider(edit, direction.name, 0, null));
}

/** All sliders, truncation and the other picture as they were found. */
export function resetAll() {
  const item = currentItem();
  if (item?.editable) makeEdit(item.id, "Reset all", editFor(item.id), NEUTRAL);
}

/** Listeners of a range that changes the edit: tried while it moves, made when it is let go. */
export function dragged(change, labelled, key) {
  let before = null;
  let byPointer = false;
  return {
    pointerdown: () => (byPointer = true),
    input: ({ target }) => {
      const item = currentItem();
      if (!item) return;
      if (before?.item !== item.id) before = { item: item.id, edit: editFor(item.id) };
      tryEdit(item.id, change(before.edit, Number(target.value)));
    },
    change: ({ target }) => {
      const item = currentItem();
      const from = before?.item === item?.id ? before.edit : item && editFor(item.id);
      before = null;
      const value = Number(target.value);
      // Presses of keys that follow each other are one change; each drag is one of its own.
      if (item) makeEdit(item.id, labelled(value), from, change(from, value), byPointer ? null : key);
      byPointer = false;
    },
  };
}
