/** Photographs that are being placed, and their start. */

import { api } from "./api.js";
import { checkPicture } from "./checking.js";
import { debounced, h, unique } from "./dom.js";
import { RefusedError, UserError } from "./errors.js";
import { isOf } from "./fields.js";
import { maskFile } from "./masks.js";
import { centred, rounded } from "./placement.js";
import { addItem, DRAFT, history, select, someSession, store } from "./studio.js";
import { attempt, note, tellError } from "./toasts.js";

/** The side, at most, at which a photograph is drawn while it is placed. */
const SHOWN = 1600;

/** After the last change of what is asked for. */
const EXPECT_MS = 600;

/** The side of its small picture. */
const THUMB = 96;

export const TASKS = {
  invert: { title: "Invert", does: "Find the codes that explain the photograph, to edit it." },
  colorize: { title: "Colourise", does: "Colour a gray photograph." },
  upscale: { title: "Enlarge", does: "A larger picture of a small one." },
  inpaint: { title: "Inpaint", does: "Fill what you paint over." },
  denoise: { title: "Denoise", does: "Remove noise." },
  deblur: { title: "Deblur", does: "Undo a blur." },
};

/** A draft of a file; settings as of an item that is done again. */
async function draftOf(file, { task = "invert", settings = {}, name = file.name, placement = null } = {}) {
  let full;
  try {
    full = await createImageBitmap(file);
  } catch {
    throw new UserError(`${name} cannot be read as a picture: choose a PNG or JPEG file.`);
  }
  const { width, height } = full;
  const shown = await reduced(full);
  const square = placement?.center ? placement : centred(width, height);
  return {
    id: unique("draft"),
    file,
    name,
    width,
    height,
    shown,
    thumb: thumbOf(shown),
    landmarks: null,
    faces: [],
    remark: null,
    task,
    settings,
    placement: square,
    strokes: [],
    painting: false,
  };
}

async function reduced(full) {
  const factor = SHOWN / Math.max(full.width, full.height);
  if (factor >= 1) return full;
  const [resizeWidth, resizeHeight] = [full.width, full.height].map((side) => Math.max(1, Math.round(side * factor)));
  const small = await createImageBitmap(full, { resizeWidth, resizeHeight, resizeQuality: "high" });
  full.close();
  return small;
}

/** The middle of it, small. */
function thumbOf(shown) {
  const side = Math.min(shown.width, shown.height);
  const canvas = h("canvas", { width: THUMB, height: THUMB });
  const from = [(shown.width - side) / 2, (shown.height - side) / 2, side, side];
  canvas.getContext("2d").drawImage(shown, ...from, 0, 0, THUMB, THUMB);
  return canvas.toDataURL("image/jpeg");
}

/** Opens photographs to be placed, one after the other. */
export async function openDrafts(files, given = {}) {
  const [first, ...rest] = files;
  if (!first) return;
  await attempt(async () => {
    await checkPicture(first, store.state.about.limits);
    const draft = await draftOf(first, given);
    history.record(`Open ${draft.name}`, [{ kind: "draft", before: store.state.draft, after: draft }]);
    store.set({ draft, waiting: rest });
    select(DRAFT);
    if (!given.placement) await findFaces(draft);
  });
  if (rest.length && store.state.draft?.file !== first) await openDrafts(rest, given);
}

/** Changes the draft; changes of one key that follow each other are undone together. */
export function changeDraft(label, changes, key = null, before = store.state.draft) {
  const { draft } = store.state;
  if (!draft) return;
  const after = { ...draft, ...changes };
  store.set({ draft: after });
  if ("task" in changes || "settings" in changes) expect(after);
  history.record(label, [{ kind: "draft", before, after }], key && `${draft.id} ${key}`);
}

/** A change under way, as while the photograph is dragged. */
export const tryDraft = (changes) => store.set({ draft: { ...store.state.draft, ...changes } });

export function cancelDraft() {
  const { draft, items } = store.state;
  if (!draft) return;
  history.record(`Put ${draft.name} away`, [{ kind: "draft", before: draft, after: null }]);
  store.set({ draft: null });
  select(items.at(-1)?.id ?? null);
  note(`${draft.name} is put away.`, { label: "Undo", act: () => history.undo() });
  next();
}

/** Asks the server where faces are; the first places the square, unless it has been moved meanwhile. */
export async function findFaces(draft, landmarks = null) {
  if (!store.state.about.align && !landmarks) return;
  const form = new FormData();
  form.append("image", draft.file, draft.name);
  form.append("name", draft.name);
  if (landmarks) form.append("landmarks", landmarks, landmarks.name);
  const { faces, remark } = await api.place(form);
  const now = store.state.draft;
  if (now?.id !== draft.id) return;
  const isHere = faces.length > 0 && (landmarks || now.placement === draft.placement);
  tryDraft({ faces, remark, landmarks: landmarks ?? now.landmarks });
  if (isHere)
    changeDraft("Place by the face", { placement: faces[0] }, null, { ...store.state.draft, placement: now.placement });
}

/** Starts the draft. */
export async function startDraft() {
  const { draft, about, busy } = store.state;
  if (!draft || busy) return;
  store.set({ busy: true });
  await attempt(async () => {
    const mask = draft.task === "inpaint" ? await maskFile(draft.strokes, ...about.size) : null;
    if (draft.task === "inpaint" && !mask) throw new UserError("Nothing is painted over: paint what is to be filled.");
    const order = { name: draft.name, ...settingsOf(draft), placement: rounded(draft.placement) };
    const [session, item] = await begin(draft.file, order, { mask, landmarks: draft.landmarks });
    store.set({ draft: null });
    addItem(
      session,
      item,
      [{ kind: "draft", before: draft, after: null }],
      `${TASKS[draft.task]?.title ?? draft.task} ${draft.name}`,
    );
    next();
  });
  store.set({ busy: false });
}

/** What a draft asks for, whatever the photograph. */
function settingsOf(draft) {
  const settings = Object.fromEntries(Object.entries(draft.settings).filter(([name]) => isOf(draft, name)));
  return { task: draft.task, ...ofClass(), ...ofLarge(draft), ...settings };
}

/** Tells the server what is being chosen, which it compiles meanwhile; whatever is wrong with it is told at the start. */
const expect = debounced(EXPECT_MS, (draft) => {
  if (store.state.draft?.id === draft.id) api.expect(settingsOf(draft)).catch(() => {});
});

/** By how much a photograph is reduced that is to be enlarged and is no smaller than the prior. */
const REDUCED_BY = 4;

/** A photograph that is no smaller than the prior is reduced before it is enlarged: by how much, unless it is said. */
const ofLarge = ({ task, placement }) =>
  task === "upscale" && placement.size >= store.state.about.size[0] ? { factor: REDUCED_BY } : {};

/** The class, of a prior with classes, which wants one. */
const ofClass = (label = 0) => (store.state.about.classes ? { label } : {});

/** Sends a photograph; gives its session and its item. */
async function begin(file, order, beside = {}) {
  const session = await someSession();
  const form = new FormData();
  form.append("image", file, order.name);
  for (const [field, content] of Object.entries(beside)) {
    if (content) form.append(field, content, field === "mask" ? "mask.png" : content.name);
  }
  form.append("order", JSON.stringify(order));
  try {
    return [session, await api.begin(session, form)];
  } catch (error) {
    // Of several pictures, which.
    if (error instanceof RefusedError && !error.message.includes(order.name))
      error.message = `${order.name}: ${error.message}`;
    throw error;
  }
}

function next() {
  const { waiting } = store.state;
  store.set({ waiting: [] });
  if (waiting.length) openDrafts(waiting);
}

/** Inverts photographs at once, as they are dropped: by their faces where such are found, else by their middle. */
export async function invertAtOnce(files) {
  for (const file of files) {
    await attempt(async () => {
      const { about } = store.state;
      await checkPicture(file, about.limits);
      const placement = about.align === "detector" ? await firstFace(file) : null;
      addItem(...(await begin(file, { name: file.name, task: "invert", ...ofClass(), placement })));
    });
  }
}

async function firstFace(file) {
  const form = new FormData();
  form.append("image", file, file.name);
  const { faces, remark } = await api.place(form);
  if (remark && !faces.length) note(remark);
  return faces[0] ?? null;
}

/** Draws a picture from the prior. */
export async function drawFromPrior() {
  await attempt(async () => {
    const session = await someSession();
    const seed = Math.floor(Math.random() * 1_000_000);
    const label = Math.floor(Math.random() * store.state.about.classes);
    addItem(session, await api.draw(session, { seed, ...ofClass(label) }));
  });
}

/** Opens an item's photograph again, with its settings. */
export async function doAgain(item) {
  await attempt(async () => {
    const blob = await (await api.file(item.images.photograph)).blob();
    const file = new File([blob], item.name, { type: blob.type });
    const { task, name, placement, ...settings } = item.settings;
    await openDrafts([file], { task: item.task, settings, name: item.name, placement });
  });
}

/** Landmarks for the draft. */
export async function readLandmarks(file) {
  const { draft } = store.state;
  if (draft) await attempt(() => findFaces(draft, file));
  else tellError(new UserError(`${file.name} has landmarks: open the photograph that they are of first.`));
}
