/** How pictures come in: dropped, pasted, chosen, or from the camera. */

import { clock, h } from "./dom.js";
import { invertAtOnce, openDrafts, readLandmarks } from "./drafts.js";
import { UserError } from "./errors.js";
import { readDirections } from "./panel.js";
import { store } from "./studio.js";
import { tellError } from "./toasts.js";

const DIRECTIONS = /\.(npz|npy|pt)$/i;
const LANDMARKS = /\.(txt|csv|json)$/i;

const input = h("input", {
  type: "file",
  accept: "image/png,image/jpeg",
  multiple: true,
  hidden: true,
  id: "choose",
  "aria-label": "Photographs",
  on: {
    change: () => {
      const files = [...input.files];
      input.value = "";
      openDrafts(files);
    },
  },
});

/** Opens the browser's dialog for files. */
export const chooseFiles = () => input.click();

/** Takes files: directions and landmarks for what they are, all others as pictures by `open`. */
function take(files, open) {
  const directions = files.filter(({ name }) => DIRECTIONS.test(name));
  const landmarks = store.state.draft ? files.filter(({ name }) => LANDMARKS.test(name)) : [];
  const pictures = files.filter((file) => !directions.includes(file) && !landmarks.includes(file));
  if (directions.length) readDirections(directions);
  for (const file of landmarks) readLandmarks(file);
  if (pictures.length) open(pictures);
}

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

/** Listens to the whole page. */
export function takeIn() {
  document.body.append(input, makeOverlay());
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length && event.target.matches?.("input, textarea")) return;
    event.preventDefault();
    if (files.length) take(files.map(named), openDrafts);
    else tellError(new UserError(`${held(event)}: copy a picture, or drop its file here.`));
  });
}

/** A picture of the clipboard is called "image.png" by the browser, as all are. */
function named(file) {
  if (file.name && file.name !== "image.png") return file;
  return new File([file], `pasted ${clock()}.png`, { type: file.type });
}

/** What the clipboard holds instead of a picture. */
function held({ clipboardData: data }) {
  const isText = [...(data?.types ?? [])].some((type) => type.startsWith("text/"));
  return isText ? "The clipboard holds text, and no picture" : "The clipboard holds no picture";
}

/** Where a dropped picture goes: inverted at once, or placed first. */
function makeOverlay() {
  const zone = (name, title, does) => h("div.zone", { "data-zone": name }, h("b", {}, title), h("span", {}, does));
  const overlay = h(
    "div.overlay",
    { hidden: true, "aria-hidden": "true" },
    zone("now", "Invert now", "its middle, or its face, with the usual settings"),
    zone("place", "Place it first", "crop and turn it, choose a task, paint a mask"),
  );
  let depth = 0;
  const leave = () => {
    depth = 0;
    overlay.hidden = true;
    for (const own of overlay.children) own.classList.remove("under");
  };
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    overlay.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    if (depth <= 0) leave();
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const over = event.target.closest?.(".zone");
    for (const own of overlay.children) own.classList.toggle("under", own === over);
  });
  addEventListener("drop", (event) => {
    leave();
    // Nothing that is dropped is to replace the page.
    event.preventDefault();
    if (!hasFiles(event)) return;
    const files = [...event.dataTransfer.files];
    if (!files.length) tellError(new UserError("There is no file in what was dropped: drop a PNG or JPEG picture."));
    const first = event.target.closest?.(".zone")?.dataset.zone === "place";
    take(files, first ? openDrafts : invertAtOnce);
  });
  return overlay;
}
