/** The stage: the current item, what is done to it, and how far it is. */

import { makeAgain } from "./again.js";
import { api } from "./api.js";
import { h, set } from "./dom.js";
import { effective, isNeutral, keyOf, layersOf, strengthOf } from "./edits.js";
import { makeProgress } from "./progress.js";
import { Renderer } from "./renderer.js";
import { makeShelf } from "./shelf.js";
import { currentItem, editFor, setView, store } from "./studio.js";
import { telling } from "./telling.js";
import { keepThumb } from "./thumbs.js";
import { tellError } from "./toasts.js";
import { AGAINST, comparable, makeViewBar, makeViews } from "./views.js";

/** Strength, in deviations, at which a slider's heat map is drawn while it stands at 0. */
const HEAT_AT = 2;

/** The direction of a name: the prior's own, or one that the session has read. */
export const directionOf = (state, name) => directionsOf(state).find((own) => own.name === name) ?? null;

/** Those of the session, which has all of the prior's, under its own names; the prior's until they are known. */
export const directionsOf = ({ about, directions }) => (directions.length ? directions : about.directions);

export function makeItemStage() {
  const views = makeViews();
  const bar = makeViewBar();
  const shelf = makeShelf();
  const progress = makeProgress();
  const again = makeAgain();
  const answers = makeAnswers();
  const title = h("h2.title");
  const told = h("p.remark");
  const element = h(
    "section.item",
    { "aria-label": "Result" },
    h("header.over", {}, title, told),
    views.element,
    progress.element,
    again.element,
    answers.element,
    bar.element,
    shelf.element,
  );
  const drawn = { edited: null, heat: null };
  const pictureOf = makeRenderers(drawn, () => update(store.state));

  function update(state) {
    const item = currentItem(state);
    if (!item) return;
    set(title, { textContent: item.name });
    const direction = directionOf(state, state.hand);
    views.show(state, { ...pictureOf(state, item, direction), ...comparedWith(state, item) });
    const edited = drawn.edited?.key === keyOf(item.id, editFor(item.id, state)) ? drawn.edited : null;
    set(told, { textContent: telling(state, item, edited) });
    if (edited) keepThumb(item.id, edited.key, edited.url);
    progress.update(item);
    again.update(item);
    answers.update(state, item);
    bar.update(state, item);
    shelf.update(state, item, direction);
  }

  return {
    element,
    update,
    forget: () => {
      drawn.edited = drawn.heat = null;
      shelf.clear();
      pictureOf.clear();
    },
  };
}

function comparedWith(state, item) {
  const able = comparable(item);
  const against = able.includes(state.view.against) ? state.view.against : able[0];
  return { against: against ? item.images[against] : null, name: against ? AGAINST[against] : null };
}

/** The pictures of an item: its result as edited, or how far it is; and what is laid over. */
function makeRenderers(drawn, again) {
  const renderer = (fetcher, slot) =>
    new Renderer(fetcher, {
      shown: (key, url) => {
        drawn[slot] = { key, url };
        again();
      },
      failed: tellError,
    });
  const edited = renderer(api.render, "edited");
  const hot = renderer(api.heat, "heat");

  function of(state, item, direction) {
    const isWaiting = item.state === "queued" || item.state === "running";
    const isLooking = state.view.tab === "Look";
    const territories = isLooking && state.view.territories ? (state.explained[item.id]?.territories ?? null) : null;
    const answer = state.view.answer && item.images[state.view.answer.kind];
    const result =
      (answer ? pick(state, item) : edit(state, item)) ?? item.preview ?? item.images.placed ?? item.images.photograph;
    const heat = isLooking ? heated(state, item, direction) : null;
    return { result, heat, territories, title: isWaiting ? "So far" : "Result", isWaiting: isWaiting && !item.preview };
  }

  function edit(state, item) {
    if (item.state !== "done") return null;
    const now = editFor(item.id, state);
    if (!item.editable || isNeutral(now)) {
      drawn.edited = null;
      return item.images.result;
    }
    const key = keyOf(item.id, now);
    if (drawn.edited?.key !== key && state.online)
      edited.want(key, item.id, state.session.id, { item: item.id, edit: effective(now) });
    // Until it is there, the last picture of the same item.
    return drawn.edited?.key.startsWith(`${item.id} `) ? drawn.edited.url : item.images.result;
  }

  function heated(state, item, direction) {
    if (!state.view.heat || !direction || !item.editable || item.state !== "done") return null;
    const now = editFor(item.id, state);
    const order = {
      item: item.id,
      edit: effective(now),
      direction: direction.name,
      layers: layersOf(now, direction.name),
      strength: strengthOf(now, direction.name) || HEAT_AT,
    };
    const key = JSON.stringify(order);
    if (drawn.heat?.key !== key && state.online) hot.want(key, `${item.id} ${direction.name}`, state.session.id, order);
    return drawn.heat?.key === key ? drawn.heat.url : null;
  }

  of.clear = () => {
    edited.clear();
    hot.clear();
  };
  return of;
}

function pick(state, item) {
  const { kind, number } = state.view.answer;
  return kind === "samples" ? item.images.samples[number] : item.images[kind];
}

/** Several answers of a restoration, their mean, and how far they are apart. */
function makeAnswers() {
  const element = h("div.answers", { role: "group", "aria-label": "Answers" });
  let offered = "";
  return {
    element,
    update(state, item) {
      const { samples = [], mean, std } = item.images;
      set(element, { hidden: !samples.length || item.state !== "done" });
      const all = samples.map((url, number) => ({
        url,
        title: `Answer ${number + 1}`,
        answer: { kind: "samples", number },
      }));
      if (mean) all.push({ url: mean, title: "Mean", answer: { kind: "mean" } });
      if (std) all.push({ url: std, title: "Disagreement", answer: { kind: "std" } });
      const key = all.map(({ url }) => url).join();
      if (key !== offered) {
        offered = key;
        element.replaceChildren(
          ...all.map(({ url, title, answer }) =>
            h(
              "button.answer",
              { type: "button", "data-answer": JSON.stringify(answer), on: { click: () => setView({ answer }) } },
              h("img", { src: url, alt: "", draggable: false }),
              h("span", {}, title),
            ),
          ),
        );
      }
      const now = JSON.stringify(state.view.answer ?? { kind: "samples", number: 0 });
      for (const button of element.children) set(button, { "aria-pressed": String(button.dataset.answer === now) });
    },
  };
}
