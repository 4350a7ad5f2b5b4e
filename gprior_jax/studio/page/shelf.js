/** The strip of the slider in hand: what the picture becomes along it. */

import { api } from "./api.js";
import { debounced, h, set, signed } from "./dom.js";
import { effective, layersOf, strengthOf, withoutSlider, withSlider } from "./edits.js";
import { Renderer, swap } from "./renderer.js";
import { currentItem, editFor, makeEdit, store } from "./studio.js";

const SIDE = 96;
const MANY = 7;
const PAUSE_MS = 160;

/** Strengths of a strip over a direction's range. */
export const strengthsOf = ([low, high]) =>
  Array.from({ length: MANY }, (_, i) => Math.round((low + ((high - low) * i) / (MANY - 1)) * 100) / 100);

export function makeShelf() {
  const title = h("span.name");
  const picture = h("img", { alt: "", draggable: false, width: SIDE * MANY, height: SIDE });
  const cells = h("div.cells");
  const strip = h("div.strip", {}, picture, cells);
  // The slider itself is for keys: the pictures are for pointers.
  const element = h("section.shelf", { "aria-hidden": "true" }, title, strip);
  let asked = "";
  let of = null;
  const renderer = new Renderer(api.strip, {
    most: 60,
    shown: (key, url) => {
      if (key === asked) swap(picture, url);
    },
    // A strip is an extra: whatever is wrong is told where the slider is moved.
    failed: () => {},
  });
  const want = debounced(PAUSE_MS, (...given) => renderer.want(...given));

  return {
    element,
    clear: () => renderer.clear(),
    update(state, item, direction) {
      const isThere = Boolean(item?.editable && direction);
      set(element, { hidden: !item?.editable });
      element.classList.toggle("idle", !isThere);
      if (!isThere) {
        asked = "";
        set(title, { textContent: "Point at a slider to see where it leads." });
        return;
      }
      const edit = editFor(item.id, state);
      const strengths = strengthsOf(direction.range);
      const order = {
        item: item.id,
        edit: effective(withoutSlider(edit, direction.name)),
        direction: direction.name,
        layers: layersOf(edit, direction.name),
        strengths,
        side: SIDE,
      };
      const key = JSON.stringify(order);
      element.classList.toggle("pixels", state.view.pixels);
      set(title, { textContent: direction.title });
      offer(cells, item, direction, strengths, strengthOf(edit, direction.name));
      if (key === asked) return;
      asked = key;
      // Another item's pictures say nothing of this one, even for a moment.
      if (of !== item.id) swap(picture, null);
      of = item.id;
      want(key, item.id, state.session.id, order);
    },
  };
}

/** A place for every picture, which takes the slider there. */
function offer(cells, item, direction, strengths, now) {
  if (cells.dataset.of !== direction.name || cells.item !== item.id) {
    cells.dataset.of = direction.name;
    cells.item = item.id;
    cells.replaceChildren(
      ...strengths.map((strength) =>
        h(
          "button",
          { type: "button", tabIndex: -1, on: { click: () => take(direction, strength) } },
          signed(strength, Number.isInteger(strength) ? 0 : 1),
        ),
      ),
    );
  }
  const nearest = strengths.reduce((best, own) => (Math.abs(own - now) < Math.abs(best - now) ? own : best));
  [...cells.children].forEach((cell, i) => cell.classList.toggle("here", strengths[i] === nearest));
}

function take(direction, strength) {
  const item = currentItem();
  if (!item) return;
  const before = editFor(item.id);
  makeEdit(item.id, `${direction.title} ${signed(strength)}`, before, withSlider(before, direction.name, strength));
}
