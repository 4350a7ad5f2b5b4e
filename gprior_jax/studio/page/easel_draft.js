/** Draws a draft: the photograph under the square that is taken of it, guides, and what is painted over. */

import { usualOf } from "./fields.js";
import { drawStrokes } from "./masks.js";

/** The square's part of the canvas: its surroundings are seen, dimmed. */
export const PART = 0.86;

const MASK = "rgb(255 122 48 / 0.72)";

/** Draws all; `look` has guides, the brush's cursor and colours. */
export function drawDraft(canvas, draft, look) {
  const context = canvas.getContext("2d");
  const side = canvas.width;
  const frame = side * PART;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, side, side);
  drawPhotograph(context, draft, side, frame);
  context.setTransform(1, 0, 0, 1, (side - frame) / 2, (side - frame) / 2);
  dim(context, side, frame, look.ground);
  if (draft.strokes.length || look.stroke) drawMask(context, draft, frame, look.stroke);
  if (look.guides && !draft.painting) drawGuides(context, frame, look.face);
  if (draft.task === "deblur") drawBlur(context, frame, draft.settings, look.pixels);
  if (draft.painting && look.cursor) drawCursor(context, frame, look);
}

/** The photograph, and where the square reaches beyond it the photograph's mirror image, as it will be inverted. */
function drawPhotograph(context, { shown, width, height, placement }, side, frame) {
  const { center, size, angle } = placement;
  const scale = frame / size;
  context.imageSmoothingQuality = "high";
  context.translate(side / 2, side / 2);
  context.rotate((-angle * Math.PI) / 180);
  context.scale(scale, scale);
  context.translate(-center[0], -center[1]);
  const reach = (size / PART) * 0.71;
  for (let i = Math.floor((center[0] - reach) / width); i <= (center[0] + reach) / width; i += 1) {
    for (let j = Math.floor((center[1] - reach) / height); j <= (center[1] + reach) / height; j += 1) {
      // Of a very thin photograph only the next images: there could be thousands.
      if (Math.abs(i) > 2 || Math.abs(j) > 2) continue;
      context.save();
      context.translate(i % 2 ? (i + 1) * width : i * width, j % 2 ? (j + 1) * height : j * height);
      context.scale(i % 2 ? -1 : 1, j % 2 ? -1 : 1);
      context.globalAlpha = i || j ? 0.55 : 1;
      context.drawImage(shown, 0, 0, width, height);
      context.restore();
    }
  }
}

function dim(context, side, frame, ground) {
  const margin = (side - frame) / 2;
  context.beginPath();
  context.rect(-margin, -margin, side, side);
  context.rect(0, 0, frame, frame);
  context.globalAlpha = 0.72;
  context.fillStyle = ground;
  context.fill("evenodd");
  context.globalAlpha = 1;
  context.strokeStyle = "#fff";
  context.lineWidth = Math.max(1, side / 400);
  context.strokeRect(0, 0, frame, frame);
}

let layer = null;

function drawMask(context, draft, frame, stroke) {
  const side = Math.round(frame);
  layer ??= document.createElement("canvas");
  layer.width = layer.height = side;
  const own = layer.getContext("2d");
  drawStrokes(own, stroke ? [...draft.strokes, stroke] : draft.strokes, side, "#000");
  // The colour all at once, so that strokes that cross are not darker there.
  own.globalCompositeOperation = "source-in";
  own.fillStyle = MASK;
  own.fillRect(0, 0, side, side);
  context.drawImage(layer, 0, 0, frame, frame);
}

/** Where the prior has eyes and mouth; thirds where it has no faces. */
function drawGuides(context, frame, face) {
  const lines = new Path2D();
  const marks = new Path2D();
  if (face) {
    const [[left, eyes], [right]] = face.eyes;
    const [middle, mouth] = face.mouth;
    line(lines, frame, 0, eyes, 1, eyes);
    line(lines, frame, middle, 0, middle, 1);
    line(lines, frame, middle - 0.2, mouth, middle + 0.2, mouth);
    for (const [x, y] of [
      [left, eyes],
      [right, face.eyes[1][1]],
    ]) {
      marks.moveTo((x + 0.055) * frame, y * frame);
      marks.ellipse(x * frame, y * frame, 0.055 * frame, 0.035 * frame, 0, 0, 7);
    }
    marks.moveTo((middle + 0.09) * frame, mouth * frame);
    marks.ellipse(middle * frame, mouth * frame, 0.09 * frame, 0.03 * frame, 0, 0, 7);
  } else {
    for (const part of [1 / 3, 2 / 3]) {
      line(lines, frame, 0, part, 1, part);
      line(lines, frame, part, 0, part, 1);
    }
  }
  stroke(context, lines, frame, 0.55);
  stroke(context, marks, frame, 0.95);
}

/** Parts of the square's side: of the chip in whose middle a blur is shown, and from the corner. */
const [CHIP, CORNER] = [0.2, 0.025];

/** The blur that is to be undone, as large as it is in the picture: what becomes of one point of it. */
function drawBlur(context, frame, { blur, sigma, length, angle }, pixels) {
  const pixel = frame / pixels;
  const [side, corner] = [CHIP * frame, CORNER * frame];
  context.save();
  context.beginPath();
  context.roundRect(corner, frame - corner - side, side, side, side / 10);
  context.fillStyle = "rgb(10 12 14 / 0.72)";
  context.fill();
  context.clip();
  context.translate(corner + side / 2, frame - corner - side / 2);
  if (blur === "motion") {
    context.rotate((-(angle ?? usualOf("angle")) * Math.PI) / 180);
    const long = Math.max(1, length ?? usualOf("length")) * pixel;
    context.fillStyle = "#fff";
    context.beginPath();
    context.roundRect(-long / 2, -pixel / 2, long, pixel, pixel / 2);
    context.fill();
  } else {
    const width = (sigma ?? usualOf("sigma")) * pixel;
    const light = context.createRadialGradient(0, 0, 0, 0, 0, 3 * width);
    // A Gaussian, at so many of its widths.
    for (let at = 0; at <= 3; at += 0.5) light.addColorStop(at / 3, `rgb(255 255 255 / ${Math.exp(-at * at * 0.5)})`);
    context.fillStyle = light;
    context.fillRect(-side, -side, 2 * side, 2 * side);
  }
  context.restore();
}

function line(path, frame, x, y, toX, toY) {
  path.moveTo(x * frame, y * frame);
  path.lineTo(toX * frame, toY * frame);
}

/** White on a dark edge: seen on any picture. */
function stroke(context, path, frame, opacity) {
  const width = Math.max(1, frame / 420);
  context.globalAlpha = opacity;
  for (const [colour, wide] of [
    ["rgb(0 0 0 / 0.5)", 3 * width],
    ["#fff", width],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

function drawCursor(context, frame, { cursor, brush }) {
  const ring = new Path2D();
  ring.arc(cursor[0] * frame, cursor[1] * frame, (brush.size * frame) / 2, 0, 7);
  stroke(context, ring, frame, 1);
}
