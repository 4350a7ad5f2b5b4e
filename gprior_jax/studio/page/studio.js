/** The studio's state, and all that can be done with it. */

import { api, connection } from "./api.js";
import { debounced, kept } from "./dom.js";
import { NEUTRAL } from "./edits.js";
import { UserError } from "./errors.js";
import { History } from "./history.js";
import { editOf, entriesOf, keptOf } from "./keeping.js";
import { makeStore } from "./store.js";
import { attempt, note, say, tellError } from "./toasts.js";

/** What is current while a photograph is placed. */
export const DRAFT = "draft";

export const store = makeStore({
  about: null,
  online: true,
  session: null,
  directions: [],
  items: [],
  current: null,
  draft: null,
  waiting: [],
  edits: {},
  hand: null,
  explained: {},
  paths: {},
  thumbs: {},
  busy: false,
  view: {
    tab: "Edit",
    mode: "result",
    against: "placed",
    split: 0.5,
    heat: false,
    territories: false,
    answer: null,
    pixels: kept.get("pixels", false),
  },
  brush: { size: 0.12, erase: false },
  revision: 0,
});

const DIRECTIONS_MS = 2000;

export const ENDED = new Set(["done", "failed", "cancelled"]);

export const itemOf = (id, state = store.state) => state.items.find((item) => item.id === id);
export const currentItem = (state = store.state) => itemOf(state.current, state);
export const editFor = (id, state = store.state) => state.edits[id] ?? NEUTRAL;
export const setView = (changes) => store.set({ view: { ...store.state.view, ...changes } });

export const history = new History(
  {
    edit: (step, side) => {
      show(step.item, step[side]);
      select(step.item);
    },
    draft: (step, side) => {
      const draft = step[side];
      store.set({ draft });
      if (draft) select(DRAFT);
      else if (store.state.current === DRAFT) select(store.state.items.at(-1)?.id ?? null);
    },
    presence: (step, side) => (step[side] ? bringBack(step) : takeAway(step.item)),
    title: async (step, side) => {
      const session = await api.rename(step.session, step[side]);
      if (store.state.session?.id === session.id)
        store.set({ session: { ...store.state.session, title: session.title } });
    },
  },
  {
    changed: (steps) => {
      store.set({ revision: store.state.revision + 1 });
      for (const id of new Set(steps.filter((step) => step.kind === "edit").map((step) => step.item))) keepSoon(id);
    },
    failed: tellError,
  },
);

connection.told = (online) => {
  if (online !== store.state.online) store.set({ online });
};

/** Undoes, and says what. */
export const undo = async () => say((await history.undo()) || "There is nothing to undo.");
export const redo = async () => say((await history.redo()) || "There is nothing to redo.");

export function select(id) {
  const { current, view } = store.state;
  if (id === current) return;
  store.set({ current: id, view: { ...view, answer: null, territories: false } });
}

function show(id, edit) {
  const { current, edits, view } = store.state;
  // What is edited is the result: another answer of a restoration would hide it.
  const seen = id === current && view.answer ? { view: { ...view, answer: null } } : {};
  store.set({ edits: { ...edits, [id]: edit }, ...seen });
}

/** An edit under way, as while a slider is dragged: drawn, not yet taken down. */
export function tryEdit(id, edit) {
  show(id, edit);
}

/** An edit that has been made. */
export function makeEdit(id, label, before, after, key = null) {
  if (before === after || JSON.stringify(before) === JSON.stringify(after)) return;
  show(id, after);
  history.record(label, [{ kind: "edit", item: id, before, after }], key && `${id} ${key}`);
}

/** Whether a session is still the one in view, after something has been waited for. */
const isOpen = (id) => store.state.session?.id === id;

// What items keep of their history is sent a little later, once for many changes.
const unkept = new Map();
const keepAll = debounced(400, () => {
  for (const id of unkept.keys()) attempt(() => keepNow(id));
});

function keepSoon(id) {
  // Items are numbered anew in each session.
  unkept.set(id, store.state.session?.id);
  keepAll();
}

async function keepNow(id, last = false) {
  const session = unkept.get(id);
  unkept.delete(id);
  if (!session || !isOpen(session) || !itemOf(id)) return;
  try {
    await api.keep(session, id, keptOf(history, id, editFor(id)), last);
  } catch (error) {
    if (error.status === undefined) unkept.set(id, session);
    else throw error;
  }
}

/** Sends what has not been sent, as when the page goes or the server is back. */
export const flush = (last) => {
  keepAll.cancel();
  return Promise.all([...unkept.keys()].map((id) => attempt(() => keepNow(id, last))));
};

/** An item as the server tells it, in place of what was known. */
export function putItem(item) {
  const { items, edits } = store.state;
  const at = items.findIndex((own) => own.id === item.id);
  if (at < 0) return;
  const before = items[at];
  store.set({ items: items.with(at, item), edits: { [item.id]: editOf(item), ...edits } });
  if (!ENDED.has(before.state) && ENDED.has(item.state)) announce(item);
}

function announce(item) {
  const psnr = item.result?.psnr ?? item.psnr;
  if (item.state === "done") say(`${item.name} is done${psnr ? `, PSNR ${psnr.toFixed(1)} decibels` : ""}.`);
  if (item.state === "failed") tellError(new UserError(`${item.name}: ${item.error ?? "it failed."}`));
}

/** An item that the server no longer has. */
export function forget(id) {
  const items = store.state.items.filter((item) => item.id !== id);
  store.set({ items });
  if (store.state.current === id) select(items.at(-1)?.id ?? null);
}

/** An item that has come to be in a session; in the history with other steps, as that its draft is put away. */
export function addItem(session, item, steps = [], label = `Add ${item.name}`) {
  if (!isOpen(session)) return;
  const { items, edits } = store.state;
  store.set({ items: [...items, item], edits: { ...edits, [item.id]: editOf(item) } });
  history.record(label, [
    ...steps,
    { kind: "presence", item: item.id, index: items.length, before: false, after: true },
  ]);
  select(item.id);
}

async function takeAway(id) {
  const { session, items, current } = store.state;
  if (!session) return;
  const isUnderWay = !ENDED.has(itemOf(id)?.state);
  try {
    await api.remove(session.id, id);
    // Of what is under way the first is only its end.
    if (isUnderWay) await api.remove(session.id, id);
  } catch (error) {
    if (error.status !== 404 && error.status !== 410) throw error;
  }
  if (!isOpen(session.id)) return;
  const at = items.findIndex((item) => item.id === id);
  const left = store.state.items.filter((item) => item.id !== id);
  store.set({ items: left });
  if (current === id) select(left[Math.min(at, left.length - 1)]?.id ?? (store.state.draft ? DRAFT : null));
}

async function bringBack({ item: id, index }) {
  const { session } = store.state;
  const item = await api.restore(session.id, id);
  if (!isOpen(session.id)) return;
  const { items, edits } = store.state;
  if (!itemOf(id)) store.set({ items: items.toSpliced(index, 0, item), edits: { [id]: editOf(item), ...edits } });
  select(id);
}

/** Removes an item; it comes back by undo. */
export async function removeItem(id) {
  const item = itemOf(id);
  if (!item) return;
  const index = store.state.items.indexOf(item);
  const { session } = store.state;
  await takeAway(id);
  if (!isOpen(session.id)) return;
  history.record(`Remove ${item.name}`, [{ kind: "presence", item: id, index, before: true, after: false }]);
  note(`${item.name} is removed.`, { label: "Undo", act: undo });
}

export async function rename(title) {
  const { session } = store.state;
  if (!session || title === session.title || !title.trim()) return;
  const told = await api.rename(session.id, title.trim());
  if (!isOpen(session.id)) return;
  store.set({ session: { ...session, title: told.title } });
  const step = { kind: "title", session: session.id, before: session.title, after: told.title };
  history.record(`Rename to ${told.title}`, [step]);
}

/** The session that things are added to; it begins with the first of them. */
export async function someSession() {
  if (!store.state.session) {
    opening ??= api
      .newSession()
      .then(enter)
      .finally(() => (opening = null));
    await opening;
  }
  return store.state.session.id;
}
let opening = null;

/** All directions of a session: asked again while the server is still finding some of them. */
async function findDirections(id) {
  const { directions, complete } = await api.knownDirections(id);
  if (store.state.session?.id !== id) return;
  store.set({ directions });
  if (!complete) setTimeout(() => attempt(() => findDirections(id)), DIRECTIONS_MS);
}

function enter(session) {
  const { id, title, created, items } = session;
  const edits = Object.fromEntries(items.map((item) => [item.id, editOf(item)]));
  store.set({ session: { id, title, created }, items, directions: [], edits, explained: {}, paths: {}, thumbs: {} });
  const { entries, done } = entriesOf(items);
  history.load(entries, done);
  attempt(() => findDirections(id));
  return id;
}

/** Opens a session, or none: the next picture begins one. */
export async function openSession(id, item = null) {
  await flush();
  if (id === null) {
    store.set({ session: null, items: [], directions: [], edits: {}, explained: {}, paths: {}, draft: null });
    history.load([], 0);
    select(null);
    return;
  }
  const session = await api.session(id);
  await flush();
  store.set({ draft: null });
  enter(session);
  select(session.items.some((own) => own.id === item) ? item : (session.items.at(-1)?.id ?? null));
}

/** What the server knows of the session, after it was away or while others than the current item are under way. */
export async function refresh() {
  const { session, items } = store.state;
  if (!session) return;
  const told = await api.session(session.id);
  if (store.state.session?.id !== told.id) return;
  told.items.forEach(putItem);
  for (const { id } of items) if (!told.items.some((item) => item.id === id)) forget(id);
}
