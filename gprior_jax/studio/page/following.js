/** Keeps up with what is under way: the item in view by events, all others by asking now and then. */

import { api } from "./api.js";
import { currentItem, ENDED, flush, forget, itemOf, putItem, refresh, store } from "./studio.js";
import { attempt, note } from "./toasts.js";

const OTHERS_MS = 1500;
const AWAY_MS = 2000;
const AGAIN_MS = 1000;

let source = null;
let followed = null;

/** Begins to keep up. */
export function keepUp() {
  store.watch((state) => follow(state));
  setInterval(() => attempt(others), OTHERS_MS);
  setInterval(back, AWAY_MS);
  addEventListener("pagehide", () => flush(true));
  follow(store.state);
}

const isUnderWay = (item) => item && !ENDED.has(item.state);

function follow(state) {
  const item = currentItem(state);
  const wanted = isUnderWay(item) && state.online ? item.id : null;
  if (wanted === followed) return;
  source?.close();
  source = null;
  followed = wanted;
  // One stream at a time: a browser opens few connections to one server.
  if (wanted) open(state.session.id, wanted);
}

function open(session, id) {
  const stream = api.events(session, id);
  source = stream;
  const told = (event) => {
    if (stream === source) putItem(JSON.parse(event.data));
  };
  stream.addEventListener("progress", told);
  stream.addEventListener("end", (event) => {
    stream.close();
    told(event);
  });
  stream.addEventListener("error", () => {
    if (stream !== source) return;
    // The browser would connect again by itself, and for ever to what is gone: ask first.
    stream.close();
    setTimeout(() => again(session, id, stream), AGAIN_MS);
  });
}

async function again(session, id, stream) {
  if (stream !== source || !isUnderWay(itemOf(id))) return;
  source = null;
  followed = null;
  await attempt(async () => {
    try {
      putItem(await api.item(session, id));
    } catch (error) {
      if (error.status === 404 || error.status === 410) forget(id);
      throw error;
    }
  });
  follow(store.state);
}

async function others() {
  const { items, online, current } = store.state;
  if (online && items.some((item) => item.id !== current && isUnderWay(item))) await refresh();
}

/** Asks whether a server that was away is back. */
async function back() {
  if (store.state.online) return;
  try {
    await api.about();
  } catch {
    return;
  }
  note("The server is back.");
  await attempt(refresh);
  await flush();
}
