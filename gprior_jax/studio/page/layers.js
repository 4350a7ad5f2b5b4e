/** A choice of layers: the first and the last of a range, folded away until it is wanted. */

import { h, set } from "./dom.js";
import { readLayers, writeLayers } from "./edits.js";

/** A control of a label; `changed` gets "2-5", or null for all. */
export function makeLayers(label, changed) {
  const say = () => {
    const [one, other] = [first, final].map((select) => Number(select.value));
    changed(writeLayers(Math.min(one, other), Math.max(one, other), first.options.length));
  };
  const [first, final] = ["first", "last"].map((which) =>
    h("select", { "aria-label": `${label}: ${which}`, on: { change: say } }),
  );
  const summary = h("summary", { "aria-label": label });
  const element = h("details.layers", { hidden: true }, summary, h("div.range", {}, first, "to", final));
  // Folded again when the focus or the pointer goes elsewhere.
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (!element.contains(relatedTarget)) element.open = false;
  });
  return {
    element,
    /** Shows "2-5", null for all, of so many; nothing where there are no layers. */
    update(text, many) {
      set(element, { hidden: !many });
      if (!many) return;
      if (first.options.length !== many) {
        for (const select of [first, final]) {
          select.replaceChildren(
            ...Array.from({ length: many }, (_, i) => h("option", { value: String(i) }, String(i))),
          );
        }
      }
      const [low, high] = readLayers(text, many) ?? [0, many - 1];
      set(first, { value: String(low) });
      set(final, { value: String(Math.min(high, many - 1)) });
      set(summary, { textContent: text ? `layers ${text}` : "all layers" });
    },
  };
}
