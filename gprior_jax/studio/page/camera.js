/** A picture from the camera. */

import { dialog } from "./dialogs.js";
import { clock, h } from "./dom.js";
import { openDrafts } from "./drafts.js";
import { UserError } from "./errors.js";
import { icon } from "./icons.js";
import { tellError } from "./toasts.js";

const WHY = {
  NotAllowedError: "The camera is not allowed to this page: allow it in the browser's settings of the page.",
  NotFoundError: "There is no camera: choose a file instead.",
  NotReadableError: "The camera is used by another program: close that, and try again.",
};

export async function openCamera() {
  let stream;
  try {
    // Pages of other machines without https have no camera at all.
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
  } catch (error) {
    tellError(new UserError(WHY[error.name] ?? "The camera cannot be used by this page: choose a file instead."));
    return;
  }
  const video = h("video", {
    autoplay: true,
    muted: true,
    playsInline: true,
    srcObject: stream,
    "aria-label": "The camera's picture",
  });
  const shoot = h(
    "button.main",
    { type: "button", on: { click: () => take(video, opened) } },
    icon("camera"),
    "Take the picture",
  );
  const opened = dialog("Camera", video, h("div.row.end", {}, shoot));
  opened.classList.add("camera");
  opened.addEventListener("close", () => stream.getTracks().forEach((track) => track.stop()));
  shoot.focus();
}

async function take(video, opened) {
  const { videoWidth: width, videoHeight: height } = video;
  if (!width) return;
  const canvas = h("canvas", { width, height });
  canvas.getContext("2d").drawImage(video, 0, 0);
  opened.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  openDrafts([new File([blob], `camera ${clock()}.png`, { type: "image/png" })]);
}
