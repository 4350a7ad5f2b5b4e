/** While a photograph is placed: the stage with it, and the panel with what is to be done. */

import { h, set, unique } from "./dom.js";
import { cancelDraft, changeDraft, readLandmarks, startDraft, TASKS, tryDraft } from "./drafts.js";
import { icon } from "./icons.js";
import { centred, rotated, scaled } from "./placement.js";
import { makePlacing } from "./placing.js";
import { makeSettings } from "./settings.js";
import { store } from "./studio.js";

/** The stage: the canvas, and a bar below. */
export function makeDraftStage() {
  const placing = makePlacing();
  const title = h("h2.title");
  const place = makePlaceBar(placing);
  const paint = makePaintBar();
  const remark = h("p.remark");
  const element = h(
    "section.draft",
    { "aria-label": "Place the photograph" },
    h("header.over", {}, title, remark),
    placing.element,
    place.element,
    paint.element,
  );
  return {
    element,
    canvas: placing.canvas,
    update(state) {
      const { draft } = state;
      if (!draft) return;
      set(title, { textContent: draft.name });
      const more = state.waiting.length ? `${state.waiting.length} more after it. ` : "";
      set(remark, { textContent: more + (draft.remark ?? `${draft.width} × ${draft.height} pixels`) });
      placing.update(state);
      set(place.element, { hidden: draft.painting });
      set(paint.element, { hidden: !draft.painting });
      place.update(state);
      paint.update(state);
    },
  };
}

/** A range that changes the draft: drawn while it moves, taken down when it is let go. */
function dial(label, props, key, change) {
  let before = null;
  const moving = ({ target }) => {
    before ??= store.state.draft;
    tryDraft({ placement: change(before.placement, Number(target.value)) });
  };
  const moved = () => {
    if (before?.id === store.state.draft?.id) {
      changeDraft(label, { placement: store.state.draft.placement }, key, before);
    }
    before = null;
  };
  const input = h("input", { type: "range", ...props, on: { input: moving, change: moved } });
  return { element: h("label.dial", {}, h("span", {}, label), input), input };
}

/** Shows a range at a value, filled from another. */
function filled(input, value, from = 0) {
  const part = (of) => String((of - Number(input.min)) / (Number(input.max) - Number(input.min)));
  set(input, { value: String(value) });
  input.style.setProperty("--at", part(value));
  input.style.setProperty("--middle", part(from));
}

function makePlaceBar(placing) {
  const toSize = (placement, value) => {
    const { draft } = store.state;
    return scaled(placement, (Math.min(draft.width, draft.height) * 2 ** -value) / placement.size, draft);
  };
  const size = dial("Size", { min: -1, max: 4, step: 0.01, "aria-label": "Size of the photograph" }, "size", toSize);
  const turn = dial(
    "Turn",
    { min: -45, max: 45, step: 0.5, "aria-label": "Turn the photograph, degrees" },
    "turn",
    (placement, value) => rotated(placement, -value - placement.angle),
  );
  const act = (label, placement) => changeDraft(label, { placement: placement(store.state.draft) });
  const middle = h(
    "button.plain",
    { type: "button", on: { click: () => act("Take the middle", ({ width, height }) => centred(width, height)) } },
    "Middle",
  );
  const quarter = h(
    "button.plain",
    {
      type: "button",
      "aria-label": "Turn by a quarter",
      on: { click: () => act("Turn by a quarter", ({ placement }) => rotated(placement, -90)) },
    },
    "90°",
  );
  const faces = h("span.group");
  const guides = h("input", {
    type: "checkbox",
    checked: true,
    on: { change: ({ target }) => placing.toggleGuides(target.checked) },
  });
  return {
    element: h(
      "div.tools",
      {},
      size.element,
      turn.element,
      middle,
      quarter,
      faces,
      h("label.check", {}, guides, "Guides"),
    ),
    update({ draft }) {
      const { placement, width, height } = draft;
      const zoom = -Math.log2(placement.size / Math.min(width, height));
      filled(size.input, Math.round(zoom * 100) / 100);
      filled(turn.input, -placement.angle);
      offerFaces(faces, draft);
    },
  };
}

function offerFaces(group, draft) {
  if (group.faces === draft.faces) return;
  group.faces = draft.faces;
  group.replaceChildren(
    ...draft.faces.map((face, i) =>
      h(
        "button.plain",
        { type: "button", on: { click: () => changeDraft("Place by the face", { placement: face }) } },
        draft.faces.length > 1 ? `Face ${i + 1}` : "Face",
      ),
    ),
  );
}

function makePaintBar() {
  const setBrush = (changes) => store.set({ brush: { ...store.state.brush, ...changes } });
  const size = h("input", {
    type: "range",
    min: 0.02,
    max: 0.4,
    step: 0.01,
    "aria-label": "Size of the brush",
    on: { input: ({ target }) => setBrush({ size: Number(target.value) }) },
  });
  const tool = (name, label, erase) =>
    h("button.choice", { type: "button", on: { click: () => setBrush({ erase }) } }, icon(name), label);
  const [brush, eraser] = [tool("brush", "Paint", false), tool("eraser", "Erase", true)];
  const clear = h(
    "button.plain",
    { type: "button", on: { click: () => changeDraft("Clear the mask", { strokes: [] }) } },
    "Clear",
  );
  return {
    element: h(
      "div.tools",
      {},
      h("div.segments", { role: "group", "aria-label": "Brush" }, brush, eraser),
      h("label.dial", {}, h("span", {}, "Brush"), size),
      clear,
    ),
    update(state) {
      filled(size, state.brush.size, Number(size.min));
      set(brush, { "aria-pressed": String(!state.brush.erase) });
      set(eraser, { "aria-pressed": String(state.brush.erase) });
      set(clear, { disabled: !state.draft.strokes.length });
    },
  };
}

/** The panel: the task, what it needs, its settings, and the start. */
export function makeDraftPanel() {
  const tasks = h("fieldset.tasks", {}, h("legend", {}, "What is to be done"));
  const does = h("p.remark");
  const settings = makeSettings();
  const paint = makePaintSwitch();
  const landmarks = makeLandmarks();
  const start = h("button.main", { type: "submit" });
  const cancel = h("button.plain", { type: "button", on: { click: cancelDraft } }, "Put away");
  const element = h(
    "form.prepare",
    {
      "aria-label": "Task",
      noValidate: true,
      on: {
        submit: (event) => {
          event.preventDefault();
          startDraft();
        },
      },
    },
    tasks,
    does,
    paint.element,
    settings.element,
    landmarks.element,
    h("div.row.end", {}, cancel, start),
  );
  return {
    element,
    start,
    update(state) {
      const { draft } = state;
      if (!draft) return;
      offerTasks(tasks, state);
      set(does, { textContent: TASKS[draft.task]?.does ?? "" });
      set(start, { textContent: TASKS[draft.task]?.title ?? draft.task, disabled: state.busy });
      settings.update(state);
      paint.update(state);
      landmarks.update(state);
    },
  };
}

function offerTasks(group, { about, draft }) {
  if (group.childElementCount === 1) {
    const name = unique("task");
    group.append(
      h(
        "div.cards",
        {},
        about.tasks.map((task) =>
          h(
            "label.card",
            {},
            h("input", { type: "radio", name, value: task, on: { change: () => choose(task) } }),
            icon(task),
            h("span", {}, TASKS[task]?.title ?? task),
          ),
        ),
      ),
    );
  }
  for (const input of group.querySelectorAll("input")) input.checked = input.value === draft.task;
}

const choose = (task) => changeDraft(`Choose ${TASKS[task]?.title ?? task}`, { task, painting: task === "inpaint" });

/** Of inpainting: whether the photograph is placed or painted over. */
function makePaintSwitch() {
  const choice = (label, name, painting) =>
    h("button.choice", { type: "button", on: { click: () => tryDraft({ painting }) } }, icon(name), label);
  const [place, paint] = [choice("Place", "crop", false), choice("Paint", "brush", true)];
  const element = h(
    "div.segments.wide",
    { role: "group", "aria-label": "Place the photograph, or paint what is missing" },
    place,
    paint,
  );
  return {
    element,
    update({ draft }) {
      set(element, { hidden: draft.task !== "inpaint" });
      set(place, { "aria-pressed": String(!draft.painting) });
      set(paint, { "aria-pressed": String(draft.painting) });
    },
  };
}

function makeLandmarks() {
  const input = h("input", {
    type: "file",
    hidden: true,
    accept: ".txt,.csv,.json,.npy,.npz",
    on: {
      change: ({ target }) => {
        if (target.files[0]) readLandmarks(target.files[0]);
        target.value = "";
      },
    },
  });
  const button = h(
    "button.plain",
    { type: "button", on: { click: () => input.click() } },
    icon("file"),
    "Landmark file…",
  );
  const told = h("span.remark");
  const element = h("div.row", {}, button, input, told);
  return {
    element,
    update({ about, draft }) {
      set(element, { hidden: !about.align });
      set(told, { textContent: draft.landmarks?.name ?? "" });
    },
  };
}
