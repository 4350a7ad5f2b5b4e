/** Dialogs: they close by Escape, by their button and by a click beside them, and go when they are closed. */

import { h, unique } from "./dom.js";
import { icon } from "./icons.js";
import { leaveDialog } from "./toasts.js";

export function dialog(title, ...content) {
  const id = unique("title");
  const close = h(
    "button.bare",
    { type: "button", "aria-label": "Close", on: { click: () => element.close() } },
    icon("close"),
  );
  const element = h(
    "dialog",
    { "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), close),
    h("div.body", {}, ...content),
  );
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  element.addEventListener("close", () => {
    leaveDialog(element);
    element.remove();
  });
  document.body.append(element);
  element.showModal();
  return element;
}
