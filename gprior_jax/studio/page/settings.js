/** The drawer of settings. What is left empty is the method's own, and is not sent. */

import { h, set, unique } from "./dom.js";
import { changeDraft } from "./drafts.js";
import { CHOICES, isOf, NUMBERS } from "./fields.js";
import { store } from "./studio.js";

export function makeSettings() {
  const method = makeMethod();
  const choices = CHOICES.map(makeChoice);
  const numbers = NUMBERS.map(makeNumber);
  const perceptual = makeSwitch("perceptual", "Perceptual term", "also compare what a network sees");
  const label = makeLabel();
  const fields = [...choices, ...numbers];
  const elements = (isOfTask) => fields.filter((own) => (own.of === "task") === isOfTask).map((own) => own.element);
  const element = h(
    "div.settings",
    {},
    h("div.fields", {}, elements(true)),
    h(
      "details.drawer",
      {},
      h("summary", {}, "Method and settings"),
      method.element,
      h("div.fields", {}, elements(false), label.element),
      perceptual.element,
    ),
  );
  const all = [method, ...fields, perceptual, label];
  return {
    element,
    update(state) {
      if (!state.draft) return;
      const { default_methods: byTask = {}, default: usual } = state.about;
      const chosen = state.draft.settings.method ?? byTask[state.draft.task] ?? usual.method;
      const about = state.about.methods.find((own) => own.name === chosen) ?? state.about.methods[0];
      for (const own of all) own.update(state, about);
    },
  };
}

/** Sets something, or leaves it as it is usually; `drops` does not go with it any more. */
function change(name, title, value, drops = []) {
  const given = Object.entries(store.state.draft.settings).filter(([own]) => own !== name && !drops.includes(own));
  if (value !== undefined) given.push([name, value]);
  changeDraft(title, { settings: Object.fromEntries(given) }, `setting ${name}`);
}

function makeMethod() {
  const select = h("select", {
    id: unique("method"),
    on: {
      change: ({ target }) =>
        // What is for another method would only be refused.
        changeDraft(`Choose ${target.value}`, { settings: without(store.state.draft.settings, target.value) }),
    },
  });
  const summary = h("p.remark");
  return {
    element: h("div.field.wide", {}, h("label", { htmlFor: select.id }, "Method"), select, summary),
    update({ about }, method) {
      if (!select.options.length)
        select.append(...about.methods.map((own) => h("option", { value: own.name }, own.title)));
      set(select, { value: method.name });
      set(summary, { textContent: method.summary });
    },
  };
}

function without(settings, method) {
  const { codes, layer, steps, perceptual, preset, start, ...others } = settings;
  return { ...others, method };
}

function makeNumber({ name, of, title, help, min, max, step = 1, usual }) {
  const input = h("input", {
    type: "number",
    id: unique(name),
    min,
    ...(max === undefined ? {} : { max }),
    step,
    inputMode: step < 1 ? "decimal" : "numeric",
    on: { change: ({ target }) => change(name, title, read(target)) },
  });
  const remark = h("small", { id: unique("help") }, help);
  input.setAttribute("aria-describedby", remark.id);
  const element = h("div.field", {}, h("label", { htmlFor: input.id }, title), input, remark);
  return {
    element,
    of,
    update({ about, draft }, method) {
      set(element, { hidden: !(of === "method" ? method.options.includes(name) : isOf(draft, name)) });
      const most = about.limits[name] ?? (name === "layer" ? Math.max(...about.layers) : null);
      if (most) set(input, { max: String(most) });
      set(input, { placeholder: String((of === "method" ? method.defaults?.[name] : usual) ?? "auto") });
      if (document.activeElement !== input) set(input, { value: String(draft.settings[name] ?? "") });
    },
  };
}

function read({ value, min, max, step }) {
  if (value === "" || !Number.isFinite(Number(value))) return undefined;
  const number = Math.min(max === "" ? Infinity : Number(max), Math.max(Number(min), Number(value)));
  return Number(step) === 1 ? Math.round(number) : number;
}

function makeChoice({ name, of, title, choices, help, drops }) {
  const select = h(
    "select",
    {
      id: unique(name),
      on: {
        change: ({ target }) => {
          const value = choices.find(([own]) => String(own) === target.value)?.[0];
          change(name, title, value === "" ? undefined : value, drops);
        },
      },
    },
    choices.map(([value, text]) => h("option", { value: String(value) }, text)),
  );
  const element = h("div.field", {}, h("label", { htmlFor: select.id }, title), select, help && h("small", {}, help));
  return {
    element,
    of,
    update({ draft }, method) {
      set(element, { hidden: !(of === "method" ? method.options.includes(name) : isOf(draft, name)) });
      const own = name === "start" ? method.starts : null;
      if (own) for (const option of select.options) option.hidden = option.value !== "" && !own.includes(option.value);
      set(select, { value: String(draft.settings[name] ?? "") });
    },
  };
}

function makeSwitch(name, title, help) {
  const input = h("input", {
    type: "checkbox",
    role: "switch",
    on: { change: ({ target }) => change(name, title, target.checked) },
  });
  const element = h("label.check", {}, input, h("span", {}, title, " ", h("small", {}, help)));
  return {
    element,
    update({ draft }, method) {
      set(element, { hidden: !method.perceptual });
      set(input, { checked: draft.settings[name] ?? true });
    },
  };
}

/** The class, of a prior with classes. */
function makeLabel() {
  const select = h("select", {
    id: unique("label"),
    on: { change: ({ target }) => change("label", "Class", Number(target.value)) },
  });
  const element = h("div.field", {}, h("label", { htmlFor: select.id }, "Class"), select);
  return {
    element,
    update({ about, draft }) {
      set(element, { hidden: !about.classes });
      if (about.classes && !select.options.length) {
        const names = about.class_names?.length
          ? about.class_names
          : Array.from({ length: about.classes }, (_, i) => String(i));
        select.append(...names.map((text, i) => h("option", { value: String(i) }, text)));
      }
      set(select, { value: String(draft.settings.label ?? 0) });
    },
  };
}
