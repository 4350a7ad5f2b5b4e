/** Looking into a result: where a slider changes it, which code explains what, and the way to another result. */

import { api } from "./api.js";
import { h, set, unique } from "./dom.js";
import { UserError } from "./errors.js";
import { apart, partners } from "./partner.js";
import { directionsOf } from "./stage.js";
import { itemOf, setView, store } from "./studio.js";
import { attempt, say } from "./toasts.js";

const STEPS = 9;

export function makeLook() {
  const parts = [makeHeat(), makeExplain(), makePath()];
  return {
    element: h(
      "div",
      {},
      parts.map((part) => part.element),
    ),
    update(state, item) {
      for (const part of parts) part.update(state, item);
    },
  };
}

const box = (title, does, ...children) =>
  h("section.box", {}, h("h3", {}, title), h("p.remark", {}, does), ...children);

function makeHeat() {
  const input = h("input", {
    type: "checkbox",
    role: "switch",
    on: { change: ({ target }) => setView({ heat: target.checked }) },
  });
  const select = h("select", { id: unique("of"), on: { change: ({ target }) => store.set({ hand: target.value }) } });
  const element = box(
    "Heat map",
    "Where a slider changes the picture, and how much.",
    h("label.check", {}, input, "Lay it over the picture"),
    h("div.field.wide", {}, h("label", { htmlFor: select.id }, "Slider"), select),
  );
  let offered = "";
  return {
    element,
    update(state, item) {
      const all = directionsOf(state);
      set(element, { hidden: !item.editable || !all.length });
      const key = all.map((own) => own.name).join();
      if (key !== offered) {
        offered = key;
        select.replaceChildren(...all.map((own) => h("option", { value: own.name }, own.title)));
        if (!state.hand && all.length) store.set({ hand: all[0].name });
      }
      set(input, { checked: state.view.heat });
      if (state.hand) set(select, { value: state.hand });
    },
  };
}

function makeExplain() {
  const ask = slow("Explain", explain);
  const input = h("input", {
    type: "checkbox",
    role: "switch",
    on: { change: ({ target }) => setView({ territories: target.checked }) },
  });
  const lay = h("label.check", {}, input, "Lay the regions over the picture");
  const summary = h("p");
  const list = h("ul.codes");
  const element = box(
    "Which code explains which region",
    "In each pixel the code that has most influence there.",
    ask.button,
    ask.meanwhile,
    lay,
    summary,
    list,
  );
  let told = null;
  return {
    element,
    update(state, item) {
      const found = state.explained[item.id];
      set(element, { hidden: !item.explainable });
      set(ask.button, { hidden: Boolean(found) });
      for (const part of [lay, summary, list]) set(part, { hidden: !found });
      set(input, { checked: state.view.territories });
      if (!found || found === told) return;
      told = found;
      set(summary, { textContent: found.summary });
      list.replaceChildren(
        ...found.codes.map(({ code, share, color, picture }) =>
          h(
            "li",
            {},
            h("span.swatch", { vars: { "--of": color } }),
            h("img", { src: picture, alt: "" }),
            h("span", {}, `Code ${code}`),
            h("b", {}, `${Math.round(share * 100)} %`),
          ),
        ),
      );
    },
  };
}

/** A button of what takes seconds: it says so meanwhile, and that it takes more the first time. */
function slow(title, act) {
  const work = async () => {
    set(button, { disabled: true, textContent: "Working…", "aria-busy": "true" });
    set(meanwhile, { hidden: false });
    say(`${title}: working.`);
    await attempt(act);
    set(meanwhile, { hidden: true });
    set(button, { disabled: false, textContent: title, "aria-busy": null });
  };
  const button = h("button.plain", { type: "button", on: { click: work } }, title);
  const meanwhile = h(
    "div.meanwhile",
    { hidden: true },
    h("progress", { "aria-label": title }),
    h("p.remark", {}, "It is compiled the first time: up to a minute."),
  );
  return { button, meanwhile };
}

async function explain() {
  const { session, current } = store.state;
  const found = await api.explain(session.id, { item: current });
  store.set({ explained: { ...store.state.explained, [current]: found } });
  if (store.state.current === current) setView({ territories: true });
  say(found.summary);
}

function makePath() {
  const select = h("select", { id: unique("to") });
  const ask = slow("Find the way", () => findPath(select.value));
  const row = h("div.row", {}, h("label.unseen", { htmlFor: select.id }, "To"), select, ask.button);
  const none = h("p.remark", {}, "Add another result first.");
  const found = h("div.ways");
  const element = box(
    "Geodesic against straight line",
    "The shortest way to another result, as the pictures change, and the straight one.",
    none,
    row,
    ask.meanwhile,
    found,
  );
  let offered = "";
  let told;
  return {
    element,
    update(state, item) {
      const others = partners(state);
      set(element, { hidden: !item.editable });
      const key = others.map((other) => other.id + other.name).join();
      if (key !== offered) {
        offered = key;
        select.replaceChildren(...others.map((other) => h("option", { value: other.id }, other.name)));
      }
      set(none, { hidden: others.length > 0 });
      set(row, { hidden: others.length === 0 });
      const path = state.paths[item.id];
      if (path === told) return;
      told = path;
      found.replaceChildren(...(path ? ways(path) : []));
    },
  };
}

async function findPath(other) {
  const { session, current } = store.state;
  const why = apart("path", itemOf(current), itemOf(other));
  if (why) throw new UserError(why);
  const path = await api.path(session.id, { item: current, other, steps: STEPS });
  store.set({ paths: { ...store.state.paths, [current]: path } });
  say(path.remark ?? "The way is found.");
}

const number = (value) => (Number.isFinite(value) ? value.toPrecision(3) : "—");

function ways({ line, geodesic, remark }) {
  const most = Math.max(...line.speeds, ...geodesic.speeds, 1e-9);
  const way = (title, { strip, length, energy, speeds }) =>
    h(
      "figure.way",
      {},
      h("figcaption", {}, h("b", {}, title), ` length ${number(length)}, energy ${number(energy)}`),
      h("img", { src: strip, alt: `${title}: pictures along it` }),
      h(
        "div.speeds",
        { "aria-hidden": "true" },
        speeds.map((speed) => h("i", { vars: { "--part": String(speed / most) } })),
      ),
    );
  return [way("Geodesic", geodesic), way("Straight line", line), remark && h("p.remark", {}, remark)].filter(Boolean);
}
