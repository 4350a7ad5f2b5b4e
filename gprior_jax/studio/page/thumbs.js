/** Small pictures of edited results, for the contact sheet. */

import { api } from "./api.js";
import { debounced, h } from "./dom.js";
import { effective, isNeutral, keyOf } from "./edits.js";
import { isFinal } from "./errors.js";
import { editFor, store } from "./studio.js";

/** Twice the side of a tile. */
const SIDE = 184;

const PAUSE_MS = 400;

/** Before another try after what need not come again, as a refusal of a server that is busy; then it is left. */
const BUSY_MS = [2_000, 5_000, 15_000, 30_000];

/** The small picture of an item as it is edited: the last that there is; null of one that is not edited. */
export function thumbFor(state, item) {
  return isNeutral(editFor(item.id, state)) ? null : (state.thumbs[item.id] ?? null);
}

const put = (id, key, url) => store.set({ thumbs: { ...store.state.thumbs, [id]: { key, url } } });

/** Makes one of a picture that is on the easel, when it has been there for a moment. */
export const keepThumb = debounced(PAUSE_MS, async (id, key, url) => {
  if (store.state.thumbs[id]?.key !== key) await shrink(id, key, url).catch(() => {});
});

async function shrink(id, key, url) {
  const { session } = store.state;
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = h("canvas", { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, SIDE, SIDE);
  // Items are numbered anew in each session.
  if (store.state.session?.id === session?.id) put(id, key, canvas.toDataURL("image/png"));
}

async function shown(id, key, blob, session) {
  const url = URL.createObjectURL(blob);
  try {
    if (store.state.session?.id === session.id) await shrink(id, key, url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Asks for those of results that are not on the easel, as when a session is opened: one after the other. */
export function keepThumbs() {
  let isAsking = false;
  // By item, the last edit that was refused: asked again with another session, or when a direction has come.
  let refused = new Map();
  let tries = 0;
  let goOn = () => {};
  const pause = (milliseconds) =>
    new Promise((resolve) => {
      goOn = resolve;
      setTimeout(resolve, milliseconds);
    });
  const missing = (state) =>
    state.items.find((item) => {
      if (item.id === state.current || item.state !== "done" || !item.editable) return false;
      const edit = editFor(item.id, state);
      const key = keyOf(item.id, edit);
      return !isNeutral(edit) && state.thumbs[item.id]?.key !== key && refused.get(item.id) !== key;
    });
  store.watch(async function look(state, before = state) {
    const isAnother = state.session?.id !== before.session?.id || state.directions !== before.directions;
    if (isAnother || state.online !== before.online) {
      refused = new Map();
      tries = 0;
      goOn();
    }
    const item = state.online && !isAsking ? missing(state) : null;
    if (!item) return;
    isAsking = true;
    const edit = editFor(item.id, state);
    const key = keyOf(item.id, edit);
    const asked = refused;
    try {
      const blob = await api.render(state.session.id, { item: item.id, edit: effective(edit), size: SIDE });
      await shown(item.id, key, blob, state.session);
      tries = 0;
    } catch (error) {
      // The item's own picture stays; what is wrong is told when it is looked at.
      if (isFinal(error) || tries === BUSY_MS.length) {
        asked.set(item.id, key);
        tries = 0;
      } else if (store.state.online) await pause(BUSY_MS[tries++]);
    }
    isAsking = false;
    look(store.state);
  });
}
