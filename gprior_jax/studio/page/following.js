/** Keeps up with what is under way, by events of the session, and with whether the server is there. */

import { api } from "./api.js";
import { ENDED, flush, forget, openSession, putItem, refresh, store } from "./studio.js";
import { attempt, note } from "./toasts.js";

/** Between two questions to a server that is there, while nothing else would tell that it is gone. */
const THERE_MS = 15_000;

/** Between two questions to one that is away: longer each time, as browsers note each of them. */
const AWAY_MS = [1000, 2000, 3000, 5000];

const AGAIN_MS = 1000;

let source = null;
let followed = null;

/** Begins to keep up. */
export function keepUp() {
  store.watch(follow);
  watchServer();
  tellNews();
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
  if (answers) await ask(true);
  if (answers || !store.state.online) follow(store.state);
  // Another folder of sessions, or this one was removed elsewhere.
  else if (store.state.session?.id === session) await openSession(null);
}

/** Asks now and then whether the server is there, while somebody looks at the page. */
function watchServer() {
  let timer = 0;
  let tries = 0;
  const plan = () => {
    clearTimeout(timer);
    const { online } = store.state;
    timer = setTimeout(look, online ? THERE_MS : AWAY_MS[Math.min(tries++, AWAY_MS.length - 1)]);
  };
  async function look() {
    const was = store.state.online;
    // Whoever comes back to the page is told at once, see below.
    if (!document.hidden && !(was && source)) await ask(was);
    if (store.state.online) tries = 0;
    plan();
  }
  store.watch((state, before) => state.online !== before.online && plan());
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  addEventListener("offline", look);
  plan();
}

/** Asks once; after a time away what was missed is made up for. */
async function ask(was) {
  try {
    if (!was) await back(await api.about());
    else if ((await api.alive()).weights !== store.state.about.weights) await renew(await api.about());
  } catch {
    // It is told where the page says that the server is away.
  }
}

async function back(about) {
  await attempt(refresh);
  const before = store.state.about;
  if (["name", "version", "weights"].every((own) => about[own] === before[own])) {
    await flush();
    note("The server is back.");
  } else await renew(about);
}

/** What the page says once it has been loaded again; nothing where the browser's storage is switched off. */
const news = {
  put(sentence) {
    try {
      sessionStorage.setItem("gprior.news", sentence);
    } catch {
      // It is loaded again without a word.
    }
  },
  take() {
    try {
      const sentence = sessionStorage.getItem("gprior.news");
      sessionStorage.removeItem("gprior.news");
      return sentence;
    } catch {
      return null;
    }
  },
};

let renewed = null;

/** The prior is another: everything is loaded again, but not from under a photograph that is being placed. */
async function renew(about) {
  await flush();
  const { name, weights, version } = store.state.about;
  const isSame = about.name === name && about.version === version;
  const sentence = isSame ? `${name} has other weights now` : `The server is back, with ${about.name}`;
  if (!store.state.draft) {
    news.put(`${sentence}; the page has been loaded again. What was found before is still here.`);
    location.reload();
  } else if (renewed !== about.weights || about.weights === weights) {
    renewed = about.weights;
    note(`${sentence}: load the page again to work with it.`, { label: "Load again", act: () => location.reload() });
  }
}

function tellNews() {
  const sentence = news.take();
  if (sentence) note(sentence);
}
