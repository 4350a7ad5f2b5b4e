/** Sentences to the user: errors in an alert, the rest said politely. */

import { h } from "./dom.js";
import { AwayError, UserError } from "./errors.js";
import { icon } from "./icons.js";

const ERROR_MS = 15_000;
const NOTE_MS = 7_000;
const MOST = 3;

const shelf = document.getElementById("toasts");
const said = document.getElementById("said");
const away = document.getElementById("away");

/** For screen readers alone. */
export function say(sentence) {
  said.textContent = sentence;
}

/** An error: its sentence. */
export function tellError(error) {
  if (error.name === "AbortError") return;
  if (error instanceof AwayError) {
    // The page says so at its top for as long as it is so: only pointed out.
    away.animate?.([{ filter: "brightness(1.4)" }, { filter: "none" }], 600);
    say(error.message);
    return;
  }
  const isOurs = error instanceof UserError;
  // A mistake of the page: its trace is for whoever mends it.
  if (!isOurs) console.error(error);
  const sentence = isOurs ? error.message : `Something went wrong in the page (${error.message}): load it again.`;
  show(sentence, { role: "alert", kind: "error", milliseconds: ERROR_MS });
}

/** A note, with a button where there is something to do about it: {label, act}. */
export function note(sentence, action = null) {
  show(sentence, { role: "status", kind: "note", milliseconds: NOTE_MS, action });
}

/** Does something that may fail; the failure is told. */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    tellError(error);
    return undefined;
  }
}

function show(sentence, { role, kind, milliseconds, action = null }) {
  for (const toast of shelf.children) if (toast.dataset.sentence === sentence) toast.remove();
  // What is not in a dialog that is open cannot be reached.
  const host = document.querySelector("dialog[open]") ?? document.body;
  if (shelf.parentElement !== host) host.append(shelf);
  while (shelf.children.length >= MOST) shelf.firstElementChild.remove();
  const toast = h(`div.toast.${kind}`, { role });
  toast.dataset.sentence = sentence;
  // Into the page first, the words after: that is what screen readers notice.
  shelf.append(toast);
  const close = () => toast.remove();
  const act = () => {
    close();
    action.act();
  };
  toast.append(
    h("p", {}, sentence),
    ...(action ? [h("button.plain", { type: "button", on: { click: act } }, action.label)] : []),
    h("button.bare", { type: "button", "aria-label": "Close this message", on: { click: close } }, icon("close")),
  );
  expire(toast, milliseconds);
}

/** Out of a dialog that closes. */
export function leaveDialog(dialog) {
  if (dialog.contains(shelf)) document.body.append(shelf);
}

/** Away after a time, but not under the pointer or with the focus. */
function expire(toast, milliseconds) {
  const look = () => {
    if (!toast.isConnected) return;
    if (toast.matches(":hover, :focus-within")) setTimeout(look, 2_000);
    else toast.remove();
  };
  setTimeout(look, milliseconds);
}
