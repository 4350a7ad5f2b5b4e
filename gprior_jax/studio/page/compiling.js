/** What is compiled the first time: nothing is told of it on the way, so it is shown by how long it took before. */

import { duration, kept } from "./dom.js";
import { store } from "./studio.js";
import { say } from "./toasts.js";

/** What is compiled already begins sooner than that. */
const BEGINS_MS = 1500;

/** Unless it has been seen on this browser. */
const USUAL_S = 30;

/** Longer than between two looks at one that is in view: an item that was out of view has told no time. */
const UNSEEN_MS = 5000;

/** When each began, and when it was looked at last. */
const began = new Map();

/** Items are numbered anew in each session. */
const nameOf = (item) => `${store.state.session?.id} ${item.id}`;

/**
 * How far the compiling of an item's program is, {part, words}; null where it is not being compiled.
 *
 * Its part never reaches 1, however long it takes.
 */
export function compilingOf(item) {
  const isBefore = item.state === "running" && item.step === 0 && item.seconds_left == null;
  if (!isBefore) {
    if (item.state !== "queued") ended(item);
    return null;
  }
  const now = Date.now();
  const { from } = began.get(nameOf(item)) ?? { from: now };
  began.set(nameOf(item), { from, seen: now });
  const milliseconds = now - from;
  if (milliseconds < BEGINS_MS) return { part: 0, words: "begins" };
  const usual = kept.get(`compiles.${item.task}`, USUAL_S);
  const left = usual - milliseconds / 1000;
  return {
    part: 1 - Math.exp((-1.6 * milliseconds) / 1000 / usual),
    words: `compiled the first time, ${left > 1 ? `${duration(left)} left` : "a little longer"}`,
  };
}

function ended(item) {
  const { from, seen } = began.get(nameOf(item)) ?? {};
  began.delete(nameOf(item));
  if (from === undefined || item.step === 0 || Date.now() - seen > UNSEEN_MS) return;
  const seconds = (Date.now() - from) / 1000;
  if (seconds * 1000 > 2 * BEGINS_MS) kept.set(`compiles.${item.task}`, Math.round(seconds));
}

/** For screen readers, once for each item. */
export function sayCompiling(item, words) {
  if (said === nameOf(item)) return;
  said = nameOf(item);
  say(`${item.name}: ${words}.`);
}
let said = null;
