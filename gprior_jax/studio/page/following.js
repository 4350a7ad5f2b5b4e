/** Keeps up with what is under way, by events of the session. */

import { api } from "./api.js";
import { ENDED, flush, forget, openSession, putItem, refresh, store } from "./studio.js";
import { attempt, note } from "./toasts.js";

const AWAY_MS = 2000;
const AGAIN_MS = 1000;

let source = null;
let followed = null;

/** Begins to keep up. */
export function keepUp() {
  store.watch(follow);
  setInterval(back, AWAY_MS);
  addEventListener("pagehide", () => flush(true));
  follow(store.state);
}

/** One stream, only while something is under way: a browser has few connections to a server, for all of its tabs. */
function follow(state) {
  const isUnderWay = state.online && state.items.some((item) => !ENDED.has(item.state));
  const wanted = isUnderWay ? state.session.id : null;
  if (wanted === followed) return;
  source?.close();
  source = null;
  followed = wanted;
  if (wanted) open(wanted);
}

function open(session) {
  const stream = api.events(session);
  source = stream;
  const on = (kind, act) => stream.addEventListener(kind, (event) => stream === source && act(event));
  on("item", (event) => putItem(JSON.parse(event.data)));
  on("gone", (event) => forget(JSON.parse(event.data).id));
  on("error", () => {
    // The browser would connect again by itself, and for ever to what is gone: ask first.
    stream.close();
    setTimeout(() => stream === source && again(session), AGAIN_MS);
  });
}

async function again(session) {
  source = null;
  followed = null;
  const answers = await attempt(async () => {
    await refresh();
    return true;
  });
  if (answers || !store.state.online) follow(store.state);
  // Another folder of sessions, or this one was removed elsewhere.
  else if (store.state.session?.id === session) await openSession(null);
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
