/** Together with another result: morph, and mixing of styles. */

import { h, set, signed, unique } from "./dom.js";
import { UserError } from "./errors.js";
import { icon } from "./icons.js";
import { makeLayers } from "./layers.js";
import { dragged } from "./sliders.js";
import { currentItem, editFor, itemOf, makeEdit, store } from "./studio.js";
import { tellError } from "./toasts.js";

/** The layers that are mixed unless others are chosen: the middle ones and the fine ones, which are the look. */
const FROM = 4;

/** Makes an edit of an item with another. */
export function together(how, item, other) {
  const why = apart(how, itemOf(item), itemOf(other));
  if (why) {
    tellError(new UserError(why));
    return;
  }
  const before = editFor(item);
  const name = itemOf(other)?.name ?? "another";
  const styles = store.state.about.styles ?? 0;
  const from = Math.min(FROM, Math.floor(styles / 2));
  const after =
    how === "mix"
      ? { ...before, mix: { item: other, layers: `${from}-` } }
      : { ...before, morph: { item: other, at: 0.5 } };
  makeEdit(item, how === "mix" ? `Mix with ${name}` : `Morph to ${name}`, before, after);
}

/** Why two results cannot be taken together, or null: several composed codes are not halfway to one. */
export function apart(how, item, other) {
  // What several codes compose is what can be explained.
  const several = [item, other].filter((each) => each.explainable);
  if (several.length === 0 || (several.length === 2 && how === "morph")) return null;
  const { name } = several[0];
  return `${name} is composed of several codes, and its like alone can be morphed to it: invert it with one code first.`;
}

/** Done results other than the current one, which can be edited. */
export const partners = (state) =>
  state.items.filter((item) => item.id !== state.current && item.state === "done" && item.editable);

/** Restorations of which something stays in edits. */
const KEEP = new Set(["inpaint", "colorize"]);

const KEPT =
  "What was known of a restored picture goes over into the way by its middle; what both know alike stays.";

export function makePartner() {
  const picker = makePicker();
  const morph = makeMorph();
  const mix = makeMix();
  const element = h(
    "details",
    { open: true },
    h("summary", {}, "With another result"),
    picker.element,
    morph.element,
    mix.element,
  );
  return {
    element,
    update(state, item) {
      for (const part of [picker, morph, mix]) part.update(state, item);
    },
  };
}

/** Chooses another result, and how. */
function makePicker() {
  const select = h("select", { id: unique("other") });
  const act = (how) => () => {
    if (select.value) together(how, store.state.current, select.value);
  };
  const morph = h("button.plain", { type: "button", "data-how": "morph", on: { click: act("morph") } }, "Morph");
  const mix = h("button.plain", { type: "button", "data-how": "mix", on: { click: act("mix") } }, "Mix styles");
  const none = h("p.remark", {}, "Add another result, then drag it onto this one or choose it here.");
  const row = h(
    "div.other",
    {},
    h("label.unseen", { htmlFor: select.id }, "Other result"),
    select,
    h("div.row", {}, morph, mix),
  );
  let offered = "";
  return {
    element: h("div", {}, none, row),
    update(state) {
      const others = partners(state);
      const key = others.map((item) => item.id + item.name).join();
      if (key !== offered) {
        offered = key;
        select.replaceChildren(...others.map((item) => h("option", { value: item.id }, item.name)));
      }
      set(none, { hidden: others.length > 0 });
      set(row, { hidden: others.length === 0 });
      set(mix, { hidden: !state.about.styles });
    },
  };
}

/** A card of what the result is taken together with. */
function makeCard(name, ...controls) {
  const img = h("img", { alt: "", draggable: false });
  const title = h("b");
  const leave = () => {
    const item = currentItem();
    const edit = editFor(item.id);
    makeEdit(item.id, `Without ${name}`, edit, { ...edit, [name]: null });
  };
  const away = h(
    "button.bare",
    { type: "button", "aria-label": `Without the ${name}`, on: { click: leave } },
    icon("close"),
  );
  const element = h("div.partner", { hidden: true }, img, h("div", {}, h("div.line", {}, title, away), ...controls));
  return {
    element,
    show(part, words) {
      set(element, { hidden: !part });
      if (!part) return;
      const other = itemOf(part.item);
      set(img, { src: other?.images.result ?? "data:," });
      set(title, { textContent: `${words} ${other?.name ?? "a removed result"}` });
    },
  };
}

function makeMorph() {
  const to = (edit, at) => (edit.morph ? { ...edit, morph: { ...edit.morph, at } } : edit);
  const input = h("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    "aria-label": "How far the morph is",
    "data-part": "morph",
    on: dragged(to, (at) => `Morph ${Math.round(at * 100)} %`, "morph"),
  });
  const kept = h("p.remark", {}, KEPT);
  const card = makeCard("morph", input, kept);
  return {
    element: card.element,
    update(state, item) {
      const { morph } = editFor(item.id, state);
      card.show(morph, "Morph to");
      if (!morph) return;
      set(kept, { hidden: [item, itemOf(morph.item)].every((each) => !KEEP.has(each?.task)) });
      set(input, { value: String(morph.at), "aria-valuetext": `${Math.round(morph.at * 100)} percent` });
      input.style.setProperty("--at", String(morph.at));
    },
  };
}

const PRESETS = [
  ["Coarse", "0-3"],
  ["Middle", "4-7"],
  ["Fine", "8-"],
];

function makeMix() {
  const to = (layers) => {
    const item = currentItem();
    const edit = editFor(item.id);
    makeEdit(item.id, "Layers of the mix", edit, { ...edit, mix: { ...edit.mix, layers: layers ?? "0-" } });
  };
  const presets = h(
    "div.segments",
    { role: "group", "aria-label": "Layers from the other" },
    PRESETS.map(([title, layers]) =>
      h("button.choice", { type: "button", "data-layers": layers, on: { click: () => to(layers) } }, title),
    ),
  );
  const layers = makeLayers("Layers from the other result", to);
  const card = makeCard("mix", h("div.line", {}, presets, layers.element));
  return {
    element: card.element,
    update(state, item) {
      const { mix } = editFor(item.id, state);
      card.show(mix, "Styles of");
      if (!mix) return;
      layers.update(mix.layers, state.about.styles);
      for (const button of presets.children) {
        const first = Number.parseInt(button.dataset.layers, 10);
        set(button, {
          "aria-pressed": String(button.dataset.layers === mix.layers),
          hidden: first >= state.about.styles,
        });
      }
    },
  };
}

/** Truncation: towards the middle of the prior. */
export function makeTruncation() {
  const id = unique("psi");
  const input = h("input", {
    type: "range",
    id,
    min: 0,
    max: 1.2,
    step: 0.02,
    "data-part": "psi",
    on: dragged(
      (edit, psi) => ({ ...edit, psi }),
      (psi) => `Truncation ${psi}`,
      "psi",
    ),
  });
  const value = h("output", { htmlFor: id });
  const element = h(
    "div.slider",
    {},
    h(
      "div.line",
      {},
      h("label", { htmlFor: id, title: "Towards the middle of the prior below 1" }, "Truncation ψ"),
      value,
    ),
    input,
  );
  return {
    element,
    update(state, item) {
      const { psi } = editFor(item.id, state);
      set(element, { hidden: !state.about.truncation });
      set(input, { value: String(psi) });
      input.style.setProperty("--at", String(psi / 1.2));
      input.style.setProperty("--middle", String(1 / 1.2));
      set(value, { textContent: signed(psi, 2).replace("+", "") });
    },
  };
}
