/** The panel beside an item: Edit, Look, Keep and Facts. */

import { api } from "./api.js";
import { h, set, unique } from "./dom.js";
import { isNeutral } from "./edits.js";
import { makeFacts } from "./facts.js";
import { icon } from "./icons.js";
import { makeKeep } from "./keep.js";
import { makeLook } from "./look.js";
import { makePartner, makeTruncation } from "./partner.js";
import { makeSliders, resetAll } from "./sliders.js";
import { directionsOf } from "./stage.js";
import { currentItem, editFor, setView, someSession, store } from "./studio.js";
import { attempt, note, say } from "./toasts.js";

export function makePanel() {
  const parts = { Edit: makeEdit(), Look: makeLook(), Keep: makeKeep(), Facts: makeFacts() };
  const tabs = makeTabs(parts);
  return {
    element: tabs.element,
    update(state) {
      const item = currentItem(state);
      tabs.update(state);
      if (item) parts[state.view.tab].update(state, item);
    },
  };
}

/** Tabs of parts {title: {element}}, with the keys that tabs have. */
function makeTabs(parts) {
  const titles = Object.keys(parts);
  const ids = Object.fromEntries(titles.map((title) => [title, unique("tab")]));
  const choose = (tab) => setView({ tab });
  const tabs = titles.map((title) =>
    h(
      "button.tab",
      {
        type: "button",
        role: "tab",
        id: ids[title],
        "aria-controls": `${ids[title]}-panel`,
        on: { click: () => choose(title) },
      },
      title,
    ),
  );
  const panels = titles.map((title) =>
    h("div.part", { role: "tabpanel", id: `${ids[title]}-panel`, "aria-labelledby": ids[title] }, parts[title].element),
  );
  const list = h("div.tabs", { role: "tablist", "aria-label": "Tools" }, tabs);
  list.addEventListener("keydown", (event) => {
    const at = titles.indexOf(store.state.view.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: titles.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = titles.at(to % titles.length);
    choose(next);
    tabs[titles.indexOf(next)].focus();
  });
  return {
    element: h("div.tabbed", {}, list, panels),
    update({ view }) {
      titles.forEach((title, i) => {
        const isChosen = title === view.tab;
        set(tabs[i], { "aria-selected": String(isChosen), tabIndex: isChosen ? 0 : -1 });
        set(panels[i], { hidden: !isChosen });
      });
    },
  };
}

function makeEdit() {
  const why = h("p.remark");
  const sliders = makeSliders();
  const truncation = makeTruncation();
  const partner = makePartner();
  const file = h("input", {
    type: "file",
    hidden: true,
    accept: ".npz,.npy,.pt,.json",
    on: {
      change: ({ target }) => {
        readDirections([...target.files]);
        target.value = "";
      },
    },
  });
  const reset = h("button.plain", { type: "button", on: { click: resetAll } }, icon("reset"), "Reset all");
  const read = h(
    "button.plain",
    { type: "button", on: { click: () => file.click() } },
    icon("file"),
    "Read directions…",
  );
  const tools = h(
    "div.edits",
    {},
    truncation.element,
    sliders.element,
    h("div.row", {}, read, file),
    partner.element,
    h("div.row.end.last", {}, reset),
  );
  return {
    element: h("div", {}, why, tools),
    update(state, item) {
      const able = item.state === "done" && item.editable;
      set(why, { hidden: able && !item.edits, textContent: able ? item.edits : (item.why_not ?? waits(item)) });
      set(tools, { hidden: !able });
      if (!able) return;
      set(reset, { disabled: isNeutral(editFor(item.id, state)) });
      for (const part of [sliders, truncation, partner]) part.update(state, item);
    },
  };
}

const waits = ({ state }) =>
  ({
    queued: "The sliders come when it is done.",
    running: "The sliders come when it is done; stop it to have them now.",
    done: "This result cannot be edited.",
  })[state] ?? "There is no result to edit: start it again, or do it otherwise under Facts.";

/** Reads direction files into the session. */
export async function readDirections(files) {
  for (const file of files) {
    await attempt(async () => {
      const form = new FormData();
      form.append("file", file, file.name);
      form.append("name", file.name);
      const { directions: read, remarks } = await api.directions(await someSession(), form);
      const others = directionsOf(store.state).filter((own) => !read.some((other) => other.name === own.name));
      store.set({ directions: [...others, ...read], hand: read[0]?.name ?? store.state.hand });
      say(`${file.name} is read.`);
      for (const remark of remarks) note(remark);
    });
  }
}
