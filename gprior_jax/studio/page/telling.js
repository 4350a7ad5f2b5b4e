/** What is said of what is seen of an item, in one line. */

import { distance } from "./distance.js";
import { isNeutral } from "./edits.js";
import { editFor } from "./studio.js";

const ANSWERS = { mean: "Mean of the answers", std: "How far the answers are apart" };

/** What an answer of a restoration is called. */
export const titleOf = (answer) => ANSWERS[answer?.kind] ?? `Answer ${(answer?.number ?? 0) + 1}`;

/** The line; `edited` is {key, url} of the edited picture, if that is the one in view. */
export function telling(state, item, edited) {
  const said = { queued, failed, cancelled: failed, done }[item.state];
  return (said?.(item, state, edited) ?? []).filter(Boolean).join(" · ");
}

const queued = ({ place }) => [place ? `Waits, ${place} before it` : "Waits"];

const failed = ({ state, error }) => [error ?? { failed: "Failed", cancelled: "Cancelled" }[state]];

function done(item, state, edited) {
  const { answer } = state.view;
  if (answer && !(answer.kind === "samples" && answer.number === 0))
    return [titleOf(answer)];
  if (!answer && item.editable && !isNeutral(editFor(item.id, state))) return ["Edited", apart(item, edited)];
  return [decibels(item), ...(item.result?.remarks ?? [])];
}

function decibels({ task, result }) {
  if (!Number.isFinite(result?.psnr)) return "";
  // Of a restoration nothing else is known.
  return `PSNR ${result.psnr.toFixed(2)} dB${task === "invert" ? "" : " to what was given"}`;
}

/** How far an edited inversion is from the photograph, once it has been measured. */
function apart({ task, images }, edited) {
  const psnr = task === "invert" && images.placed && edited ? distance(edited.url, images.placed) : null;
  return psnr === null ? "" : `${psnr.toFixed(1)} dB from the photograph`;
}
