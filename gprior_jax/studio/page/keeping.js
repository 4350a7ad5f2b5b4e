/** What of the history an item keeps on the server: {states, labels, times, at}. */

import { NEUTRAL, readEdit } from "./edits.js";

/** States that are kept of an item: far below the server's limit in bytes. */
const MOST = 100;

/** What is kept of an item's edits. */
export function keptOf(history, item, now) {
  const states = [];
  const labels = [];
  const times = [];
  let at = 0;
  history.entries.forEach((entry, i) => {
    for (const step of entry.steps) {
      if (step.kind !== "edit" || step.item !== item) continue;
      if (!states.length) {
        states.push(step.before);
        labels.push("");
        times.push(0);
      }
      states.push(step.after);
      labels.push(entry.label);
      times.push(entry.at);
      if (i < history.done) at = states.length - 1;
    }
  });
  if (!states.length) return { states: [now], labels: [""], times: [0], at: 0 };
  const cut = Math.max(0, Math.min(states.length - MOST, at));
  return { states: states.slice(cut), labels: labels.slice(cut), times: times.slice(cut), at: at - cut };
}

/** The edit that an item was left with. */
export function editOf(item) {
  const { states, at } = item.edit ?? {};
  return Array.isArray(states) && states[at] ? readEdit(states[at]) : NEUTRAL;
}

/** The history of a session's items in the order in which it was made: entries, and how many of them hold. */
export function entriesOf(items) {
  const all = items.flatMap(ofItem).sort((one, other) => one.at - other.at);
  // Undo goes back in time over all items, so what is undone is the end; anything else cannot be gone to in order.
  const last = all.findLastIndex((entry) => entry.holds);
  const entries = all.filter((entry, i) => entry.holds || i > last);
  return { entries, done: entries.filter((entry) => entry.holds).length };
}

function ofItem(item) {
  const { states, labels = [], times = [], at } = item.edit ?? {};
  if (!Array.isArray(states)) return [];
  return states.slice(1).map((after, i) => ({
    label: String(labels[i + 1] ?? "edit"),
    key: null,
    at: Number(times[i + 1]) || 0,
    holds: i + 1 <= at,
    steps: [{ kind: "edit", item: item.id, before: readEdit(states[i]), after: readEdit(after) }],
  }));
}
