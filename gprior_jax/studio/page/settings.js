/** The drawer of settings. What is left empty is the method's own, and is not sent. */

import { h, set, unique } from "./dom.js";
import { changeDraft, isFor } from "./drafts.js";
import { store } from "./studio.js";

const NUMBERS = [
  { name: "steps", title: "Steps", min: 1, help: "of the optimisation" },
  { name: "codes", title: "Codes", min: 1, help: "latent codes that are composed" },
  { name: "layer", title: "Layer", min: 0, help: "in whose features they are" },
  { name: "seed", title: "Seed", min: 0, help: "of what is drawn", otherwise: 0 },
  { name: "samples", title: "Answers", min: 1, help: "and how far they are apart", otherwise: 1 },
  { name: "sigma", title: "Blur, pixels", min: 0.1, step: 0.1, help: "at the prior's size", otherwise: 1.5 },
];

const CHOICES = [
  {
    name: "start",
    title: "Start",
    of: [
      ["", "of the method"],
      ["encoder", "encoder"],
    ],
    help: "where the search begins",
  },
  {
    name: "preset",
    title: "Preset",
    of: [
      ["", "fast"],
      ["official", "official"],
    ],
    help: "the published constants, or faster ones",
  },
  {
    name: "factor",
    title: "Enlarge by",
    of: [
      ["", "as the picture needs"],
      [2, "2"],
      [4, "4"],
      [8, "8"],
      [16, "16"],
    ],
  },
  {
    name: "noise",
    title: "Noise",
    of: [
      ["", "gaussian"],
      ["poisson", "poisson"],
      ["impulse", "impulse"],
    ],
  },
  {
    name: "blend",
    title: "Seam",
    of: [
      ["", "paste"],
      ["feather", "feather"],
      ["poisson", "poisson"],
      ["none", "none"],
    ],
  },
];

export function makeSettings() {
  const method = makeMethod();
  const numbers = NUMBERS.map(makeNumber);
  const choices = CHOICES.map(makeChoice);
  const perceptual = makeSwitch("perceptual", "Perceptual term", "also compare what a network sees");
  const label = makeLabel();
  const first = choices.slice(2);
  const element = h(
    "div.settings",
    {},
    h(
      "div.fields",
      {},
      first.map((own) => own.element),
      numbers[4].element,
      numbers[5].element,
    ),
    h(
      "details.drawer",
      {},
      h("summary", {}, "Method and settings"),
      method.element,
      h(
        "div.fields",
        {},
        choices.slice(0, 2).map((own) => own.element),
        numbers.slice(0, 4).map((own) => own.element),
        label.element,
      ),
      perceptual.element,
    ),
  );
  const all = [method, ...numbers, ...choices, perceptual, label];
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

function change(name, title, value) {
  const { [name]: _, ...others } = store.state.draft.settings;
  changeDraft(title, { settings: value === undefined ? others : { ...others, [name]: value } }, `setting ${name}`);
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

function makeNumber({ name, title, help, min, step = 1, otherwise }) {
  const input = h("input", {
    type: "number",
    id: unique(name),
    min,
    step,
    inputMode: step < 1 ? "decimal" : "numeric",
    on: { change: ({ target }) => change(name, title, read(target)) },
  });
  const remark = h("small", { id: unique("help") }, help);
  input.setAttribute("aria-describedby", remark.id);
  const element = h("div.field", {}, h("label", { htmlFor: input.id }, title), input, remark);
  const ofMethod = ["steps", "codes", "layer"].includes(name);
  return {
    element,
    update({ about, draft }, method) {
      const isThere = ofMethod ? method.options.includes(name) : isFor(draft.task, name);
      set(element, { hidden: !isThere || (name === "sigma" && draft.settings.blur === "motion") });
      const most = about.limits[name] ?? (name === "layer" ? Math.max(...about.layers) : null);
      if (most) set(input, { max: String(most) });
      set(input, { placeholder: String((ofMethod ? method.defaults?.[name] : otherwise) ?? "auto") });
      if (document.activeElement !== input) set(input, { value: String(draft.settings[name] ?? "") });
    },
  };
}

function read({ value, min, max, step }) {
  if (value === "" || !Number.isFinite(Number(value))) return undefined;
  const number = Math.min(max === "" ? Infinity : Number(max), Math.max(Number(min), Number(value)));
  return Number(step) === 1 ? Math.round(number) : number;
}

function makeChoice({ name, title, of, help }) {
  const select = h(
    "select",
    {
      id: unique(name),
      on: {
        change: ({ target }) => {
          const value = of.find(([own]) => String(own) === target.value)?.[0];
          change(name, title, value === "" ? undefined : value);
        },
      },
    },
    of.map(([value, text]) => h("option", { value: String(value) }, text)),
  );
  const element = h("div.field", {}, h("label", { htmlFor: select.id }, title), select, help && h("small", {}, help));
  return {
    element,
    update({ draft }, method) {
      const ofMethod = name === "preset" || name === "start";
      set(element, { hidden: ofMethod ? !method.options.includes(name) : !isFor(draft.task, name) });
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
        const names = about.class_names ?? Array.from({ length: about.classes }, (_, i) => String(i));
        select.append(...names.map((text, i) => h("option", { value: String(i) }, text)));
      }
      set(select, { value: String(draft.settings.label ?? 0) });
    },
  };
}
