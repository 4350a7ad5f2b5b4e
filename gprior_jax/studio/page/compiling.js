/** What is compiled the first time: nothing is told of it on the way, so it is shown by how long it took before. */

import { duration, kept } from "./dom.js";
import { say } from "./toasts.js";

/** What is compiled already begins sooner than that. */
const BEGINS_MS = 1500;

/** Unless it has been seen on this browser. */
const USUAL_S = 30;

const began = new Map();

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
  if (!began.has(item.id)) began.set(item.id, Date.now());
  const milliseconds = Date.now() - began.get(item.id);
  if (milliseconds < BEGINS_MS) return { part: 0, words: "begins" };
  const usual = kept.get(`compiles.${item.task}`, USUAL_S);
  const left = usual - milliseconds / 1000;
  return {
    part: 1 - Math.exp((-1.6 * milliseconds) / 1000 / usual),
    words: `compiled the first time, ${left > 1 ? `${duration(left)} left` : "a little longer"}`,
  };
}

function ended(item) {
  const from = began.get(item.id);
  began.delete(item.id);
  if (from === undefined || item.step === 0) return;
  const seconds = (Date.now() - from) / 1000;
  if (seconds * 1000 > 2 * BEGINS_MS) kept.set(`compiles.${item.task}`, Math.round(seconds));
}

/** For screen readers, once for each item. */
export function sayCompiling(item, words) {
  if (said === item.id) return;
  said = item.id;
  say(`${item.name}: ${words}.`);
}
let said = null;
