/** Puts the page together. */

import { api } from "./api.js";
import { makeBar } from "./bar.js";
import { set } from "./dom.js";
import { makeEmpty } from "./empty.js";
import { keepUp } from "./following.js";
import { takeIn } from "./intake.js";
import { listenForKeys } from "./keys.js";
import { makePanel } from "./panel.js";
import { makeDraftPanel, makeDraftStage } from "./prepare.js";
import { makeSheet, takeDrops } from "./sheet.js";
import { makeItemStage } from "./stage.js";
import { DRAFT, openSession, store } from "./studio.js";
import { keepThumbs } from "./thumbs.js";
import { attempt } from "./toasts.js";

const AGAIN_MS = 2000;

const part = (id) => document.getElementById(id);

/** What the server is, asked until it says. */
async function about() {
  for (;;) {
    try {
      return await api.about();
    } catch (error) {
      if (error.status !== undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** The page's address is its session and its item, so that it comes back when it is loaded again. */
const place = () => decodeURIComponent(location.hash.slice(1)).split("/");

function followPlace(state) {
  const wanted = state.session
    ? `#${state.session.id}${state.current && state.current !== DRAFT ? `/${state.current}` : ""}`
    : "";
  if (location.hash !== wanted) window.history.replaceState(null, "", wanted || location.pathname);
}

/** What the stage shows. */
const shownOf = ({ current }) => (current === null ? "empty" : current === DRAFT ? "draft" : "item");

function makePage() {
  const bar = makeBar(part("bar"));
  const sheet = makeSheet(part("sheet"));
  const [empty, draftStage, itemStage] = [makeEmpty(), makeDraftStage(), makeItemStage()];
  const [draftPanel, panel] = [makeDraftPanel(), makePanel()];
  part("stage").replaceChildren(empty.element, draftStage.element, itemStage.element);
  part("panel").append(draftPanel.element, panel.element);
  takeDrops(part("stage"), () => store.state.current);
  // On a phone the stage stays in view: what has the focus is not to be scrolled under it.
  new ResizeObserver(([{ target }]) =>
    document.documentElement.style.setProperty("--stage-height", `${target.offsetHeight + 8}px`),
  ).observe(part("stage"));

  return function update(state, before) {
    const shown = shownOf(state);
    document.body.dataset.shown = shown;
    document.body.dataset.tab = state.view.tab;
    set(part("away"), {
      hidden: state.online,
      textContent: state.online ? "" : "The studio has been stopped, or is busy. Nothing is lost: this page goes on by itself when it answers.",
    });
    set(part("sheet"), { hidden: !state.items.length && !state.draft });
    set(part("panel"), { hidden: shown === "empty" });
    for (const [own, name] of [
      [empty, "empty"],
      [draftStage, "draft"],
      [draftPanel, "draft"],
      [itemStage, "item"],
      [panel, "item"],
    ]) {
      set(own.element, { hidden: shown !== name });
    }
    bar(state, before);
    sheet(state);
    empty.update(shown === "empty");
    if (shown === "draft") for (const own of [draftStage, draftPanel]) own.update(state);
    if (shown === "item") for (const own of [itemStage, panel]) own.update(state);
    if (state.session?.id !== before?.session?.id) itemStage.forget();
    if (state.current === DRAFT && before && before.current !== DRAFT) draftPanel.start.focus({ preventScroll: true });
    // What had the focus is hidden: it goes on where the reader is.
    else if (before && document.activeElement === document.body && shown !== shownOf(before))
      part("stage").focus({ preventScroll: true });
    followPlace(state);
    document.title = state.session ? `${state.session.title} · gprior studio` : "gprior studio";
  };
}

async function begin() {
  const told = await about();
  const [session, item] = place();
  store.set({ about: told });
  const update = makePage();
  if (session) await attempt(() => openSession(session, item));
  store.watch(update);
  update(store.state, null);
  takeIn();
  listenForKeys();
  keepUp();
  keepThumbs();
  addEventListener("hashchange", () => {
    const [id, own] = place();
    if (id && id !== store.state.session?.id) attempt(() => openSession(id, own));
  });
  document.body.dataset.ready = "true";
}

attempt(begin);
