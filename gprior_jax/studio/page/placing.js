/** The canvas on which a photograph is placed and painted over, by pointer, touch, wheel and keys. */

import { h, set } from "./dom.js";
import { changeDraft, tryDraft } from "./drafts.js";
import { drawDraft, PART } from "./easel_draft.js";
import { moved, rotated, scaled } from "./placement.js";
import { store } from "./studio.js";

const STEP = 0.01;
const LONG_STEP = 0.05;
const ZOOM = 1.05;

const PLACE = "Placing the photograph. Arrow keys move it, plus and minus change its size, brackets turn it.";
const PAINT =
  "Painting what is missing. Arrow keys move the brush, space paints, and with shift the arrow keys paint as they go.";

export function makePlacing() {
  const canvas = h("canvas.placing", { tabIndex: 0, role: "application" });
  const local = { pointers: new Map(), before: null, stroke: null, cursor: null, guides: true };
  const element = h("div.easel", {}, canvas);

  const draw = () => {
    const { draft, brush, about } = store.state;
    if (!draft || !canvas.width) return;
    const ground = getComputedStyle(document.body).backgroundColor;
    const face = about.guides ?? null;
    drawDraft(canvas, draft, { ...local, brush, face, ground, pixels: about.size[0] });
  };
  new ResizeObserver(() => {
    const side = Math.round(canvas.clientWidth * Math.min(2, devicePixelRatio));
    if (side && side !== canvas.width) canvas.width = canvas.height = side;
    draw();
  }).observe(canvas);

  listen(canvas, local, draw);
  return {
    element,
    canvas,
    toggleGuides(on) {
      local.guides = on;
      draw();
    },
    update(state) {
      if (!state.draft) return;
      set(canvas, { "aria-label": state.draft.painting ? PAINT : PLACE });
      canvas.classList.toggle("painting", state.draft.painting);
      draw();
    },
  };
}

/** Where a pointer is: parts of the square's side, from its middle. */
function placeOf(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const part = (value, from, length) => ((value - from) / length - 0.5) / PART;
  return [part(event.clientX, box.left, box.width), part(event.clientY, box.top, box.height)];
}

function listen(canvas, local, draw) {
  const settle = wheeled();
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !store.state.draft) return;
    canvas.setPointerCapture(event.pointerId);
    local.pointers.set(event.pointerId, placeOf(canvas, event));
    if (local.pointers.size === 1) local.before = store.state.draft;
    // A second finger makes a pinch of what was about to be a stroke.
    local.stroke = store.state.draft.painting && local.pointers.size === 1 ? strokeAt(placeOf(canvas, event)) : null;
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = placeOf(canvas, event);
    if (store.state.draft?.painting) local.cursor = at.map((value) => value + 0.5);
    if (local.stroke) local.stroke.points.push(local.cursor);
    else if (local.pointers.has(event.pointerId)) drag(local, event.pointerId, at);
    if (local.pointers.has(event.pointerId)) local.pointers.set(event.pointerId, at);
    draw();
  });
  const end = (event) => {
    if (!local.pointers.delete(event.pointerId) || local.pointers.size) return;
    finish(local);
    draw();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    if (local.pointers.size) return;
    local.cursor = null;
    draw();
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { draft } = store.state;
      if (!draft || draft.painting) return;
      settle(draft, scaled(draft.placement, Math.exp(event.deltaY * 0.0015), draft, placeOf(canvas, event)));
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !store.state.draft) return;
    const done = store.state.draft.painting ? paintByKey(local, event) : placeByKey(event);
    if (done) event.preventDefault();
    draw();
  });
}

const strokeAt = ([x, y]) => ({ ...store.state.brush, points: [[x + 0.5, y + 0.5]] });

/** One pointer moves the photograph; two also change its size and turn it. */
function drag(local, id, at) {
  const { draft } = store.state;
  if (!draft) return;
  const old = local.pointers.get(id);
  const other = [...local.pointers].find(([own]) => own !== id)?.[1];
  let { placement } = draft;
  if (other) {
    const [was, is] = [old, at].map(([x, y]) => [x - other[0], y - other[1]]);
    const factor = Math.hypot(...was) / Math.max(0.01, Math.hypot(...is));
    const degrees = ((Math.atan2(was[1], was[0]) - Math.atan2(is[1], is[0])) * 180) / Math.PI;
    placement = rotated(scaled(placement, factor, draft, other), degrees);
  } else {
    placement = moved(placement, old[0] - at[0], old[1] - at[1], draft);
  }
  tryDraft({ placement });
}

function finish(local) {
  const { draft } = store.state;
  const { before, stroke } = local;
  local.before = local.stroke = null;
  if (!draft || before?.id !== draft.id) return;
  if (stroke) addStroke(stroke);
  else if (before.placement !== draft.placement) {
    changeDraft("Move the photograph", { placement: draft.placement }, null, { ...draft, placement: before.placement });
  }
}

function addStroke(stroke) {
  const label = stroke.erase ? "Erase" : "Paint";
  changeDraft(label, { strokes: [...store.state.draft.strokes, stroke] });
}

/** Turns of the wheel that follow each other are one change. */
function wheeled() {
  return (draft, placement) => changeDraft("Change the size", { placement }, "wheel", draft);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function placeByKey(event) {
  const { draft } = store.state;
  const { placement } = draft;
  const step = event.shiftKey ? LONG_STEP : STEP;
  const arrow = ARROWS[event.key];
  if (arrow) {
    // The photograph goes where the arrow points, so the square goes the other way.
    const next = moved(placement, -arrow[0] * step, -arrow[1] * step, draft);
    changeDraft("Move the photograph", { placement: next }, "arrows");
  } else if ("+=-".includes(event.key)) {
    const factor = event.key === "-" ? ZOOM : 1 / ZOOM;
    changeDraft("Change the size", { placement: scaled(placement, factor, draft) }, "size");
  } else if (event.key === "[" || event.key === "]") {
    changeDraft("Turn", { placement: rotated(placement, event.key === "[" ? 1 : -1) }, "turn");
  } else return false;
  return true;
}

function paintByKey(local, event) {
  const arrow = ARROWS[event.key];
  local.cursor ??= [0.5, 0.5];
  if (arrow) {
    const from = local.cursor;
    local.cursor = from.map((value, i) => Math.min(1, Math.max(0, value + arrow[i] * 2 * STEP)));
    if (event.shiftKey) addStroke({ ...store.state.brush, points: [from, local.cursor] });
  } else if (event.key === " ") addStroke({ ...store.state.brush, points: [local.cursor] });
  else return false;
  return true;
}
