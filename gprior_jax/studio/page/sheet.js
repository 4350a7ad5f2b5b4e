/** The contact sheet: all results of the session; one is dragged onto another to take them together. */

import { h, set } from "./dom.js";
import { icon } from "./icons.js";
import { dropChoice } from "./dropchoice.js";
import { chooseFiles } from "./intake.js";
import { isNeutral } from "./edits.js";
import { DRAFT, editFor, ENDED, itemOf, select, store } from "./studio.js";
import { thumbFor } from "./thumbs.js";

/** How a result is told apart from a file while it is dragged. */
export const DRAGGED = "application/x-gprior-item";

export function makeSheet(element) {
  const list = h("ol.tiles");
  const add = h(
    "button.tile.add",
    { type: "button", "aria-label": "Add photographs", on: { click: chooseFiles } },
    icon("add"),
  );
  element.append(add, list);
  const tiles = new Map();
  const draft = makeTile(DRAFT);

  return function update(state) {
    const wanted = state.items.map((item) => {
      if (!tiles.has(item.id)) tiles.set(item.id, makeTile(item.id));
      return tiles.get(item.id);
    });
    for (const id of tiles.keys()) if (!itemOf(id, state)) tiles.delete(id);
    if (state.draft) wanted.push(draft);
    const nodes = wanted.map((tile) => tile.element);
    if (nodes.length !== list.children.length || nodes.some((node, i) => list.children[i] !== node)) {
      const focused = document.activeElement;
      list.replaceChildren(...nodes);
      if (list.contains(focused)) focused.focus();
    }
    state.items.forEach((item, i) =>
      tiles.get(item.id).update(item, i + 1, state.current === item.id, {
        isEdited: item.state === "done" && !isNeutral(editFor(item.id, state)),
        thumb: thumbFor(state, item),
      }),
    );
    if (state.draft)
      draft.update(
        { id: DRAFT, name: state.draft.name, state: "placed", images: { placed: state.draft.thumb } },
        0,
        state.current === DRAFT,
      );
  };
}

const STATES = {
  queued: ", waits",
  running: ", under way",
  failed: ", failed",
  cancelled: ", cancelled",
  done: "",
  placed: ", being placed",
};

function makeTile(id) {
  const img = h("img", { alt: "", draggable: false });
  const name = h("span.name");
  const mark = h("span.edited", { hidden: true }, icon("edited"));
  const button = h(
    "button.tile",
    { type: "button", draggable: id !== DRAFT, "data-item": id, on: { click: () => select(id) } },
    img,
    h("span.ring"),
    mark,
    name,
  );
  const element = h("li", {}, button);
  if (id !== DRAFT) dragging(button, id);
  return {
    element,
    update(item, number, isCurrent, { isEdited = false, thumb = null } = {}) {
      const url = thumb?.url ?? item.images.result ?? item.preview ?? item.images.placed ?? item.images.photograph ?? null;
      if (img.getAttribute("src") !== url) {
        if (url) img.src = url;
        else img.removeAttribute("src");
      }
      set(img, { hidden: !url });
      // Also while its small picture is still drawn, or cannot be.
      set(mark, { hidden: !isEdited });
      set(name, { textContent: item.name });
      button.dataset.state = item.state;
      const part = item.steps && !ENDED.has(item.state) ? item.step / item.steps : 0;
      button.style.setProperty("--part", String(part));
      set(button, {
        "aria-label": `${number ? `${number}: ` : ""}${item.name}${STATES[item.state] ?? ""}${isEdited ? ", edited" : ""}`,
        "aria-current": isCurrent ? "true" : null,
      });
      if (isCurrent && !button.wasCurrent) button.scrollIntoView({ block: "nearest", inline: "nearest" });
      button.wasCurrent = isCurrent;
    },
  };
}

function dragging(button, id) {
  button.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData(DRAGGED, id);
    event.dataTransfer.effectAllowed = "link";
    document.body.classList.add("drags");
  });
  button.addEventListener("dragend", () => document.body.classList.remove("drags"));
  takeDrops(button, () => id);
}

/** Lets a result be dropped on an element that shows another. */
export function takeDrops(element, shown) {
  const isItem = (event) => event.dataTransfer?.types.includes(DRAGGED);
  element.addEventListener("dragover", (event) => {
    if (!isItem(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "link";
    element.classList.add("under");
  });
  element.addEventListener("dragleave", () => element.classList.remove("under"));
  element.addEventListener("drop", (event) => {
    element.classList.remove("under");
    if (!isItem(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const [dragged, onto] = [event.dataTransfer.getData(DRAGGED), shown()];
    if (dragged && onto && dragged !== onto && onto !== DRAFT) dropChoice(dragged, onto);
  });
}

/** The item before or after the current one. */
export function step(by) {
  const { items, current } = store.state;
  if (!items.length) return;
  const at = items.findIndex((item) => item.id === current);
  select(items[(at + by + items.length) % items.length].id);
}
