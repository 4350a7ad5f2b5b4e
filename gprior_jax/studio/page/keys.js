/** Keys, and the dialog that lists them. */

import { openCamera } from "./camera.js";
import { dialog } from "./dialogs.js";
import { h, kept } from "./dom.js";
import { cancelDraft, drawFromPrior } from "./drafts.js";
import { chooseFiles } from "./intake.js";
import { openSessions } from "./sessions.js";
import { step } from "./sheet.js";
import { resetAll } from "./sliders.js";
import { DRAFT, redo, removeItem, setView, store, undo } from "./studio.js";
import { toggleTheme } from "./themes.js";
import { attempt } from "./toasts.js";

const mode = (name) => () => setView({ mode: name });
const toggle = (name) => () => setView({ [name]: !store.state.view[name] });

/** It is seen under Look. */
function heat() {
  const { view } = store.state;
  setView({ tab: "Look", heat: view.tab !== "Look" || !view.heat });
}

const KEYS = [
  ["o", "Choose photographs", chooseFiles],
  ["c", "Take a picture with the camera", openCamera],
  ["g", "Draw a picture from the prior", drawFromPrior],
  ["1", "View: result", mode("result")],
  ["2", "View: side by side", mode("side")],
  ["3", "View: split", mode("split")],
  ["4", "View: difference", mode("difference")],
  ["p", "Show pixels as squares, or smoothly", toggle("pixels")],
  ["h", "Heat map on or off", heat],
  ["j", "Next result", () => step(1)],
  ["k", "Previous result", () => step(-1)],
  ["r", "Reset all sliders", resetAll],
  [
    "Delete",
    "Remove the result",
    () => {
      const { current } = store.state;
      if (current && current !== DRAFT) attempt(() => removeItem(current));
    },
  ],
  ["Escape", "Put the photograph away that is being placed", () => store.state.current === DRAFT && cancelDraft()],
  ["s", "Sessions", openSessions],
  ["t", "Light or dark", toggleTheme],
  ["?", "These keys", openHelp],
];

const ALWAYS = [
  ["Ctrl Z", "Undo"],
  ["Ctrl Shift Z", "Redo"],
  ["Arrows", "Move a slider, the divider, or the photograph under its square"],
  ["+ − [ ]", "Size and turn of the photograph under its square"],
  ["Space", "Paint at the brush; Shift and arrows paint as they go"],
];

/** Listens for keys. */
export function listenForKeys() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      if (!isText(event.target)) undoing(event);
      return;
    }
    if (event.altKey || isText(event.target) || document.querySelector("dialog[open]")) return;
    // A letter alone can be spoken by mistake, or pressed: whoever wants can switch them off.
    if (!kept.get("keys", true) && event.key !== "Escape") return;
    const found = KEYS.find(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
}

function undoing(event) {
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) redo();
  else undo();
}

const isText = (target) =>
  target.matches?.("textarea, select, input:not([type=range], [type=checkbox], [type=radio], [type=button])");

const TITLES = { Delete: "Del", Escape: "Esc" };

export function openHelp() {
  const rows = [...KEYS.map(([key, does]) => [TITLES[key] ?? key.toUpperCase(), does]), ...ALWAYS];
  const list = h(
    "dl.keys",
    {},
    rows.flatMap(([key, does]) => [h("dt", {}, ...key.split(" ").map((own) => h("kbd", {}, own))), h("dd", {}, does)]),
  );
  const single = h("input", {
    type: "checkbox",
    role: "switch",
    checked: kept.get("keys", true),
    on: { change: ({ target }) => kept.set("keys", target.checked) },
  });
  dialog("Keys", list, h("label.check", {}, single, "Keys without Ctrl are on"));
}
