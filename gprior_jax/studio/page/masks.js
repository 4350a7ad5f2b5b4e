/** Masks: strokes on the placed square, {erase, size, points: [[u, v]...]} in parts of its side. */

/** Pixels: a narrower brush could paint between them, and nothing would be missing. */
const NARROWEST = 1.5;

/** Of 255: how far a pixel is painted over that is missing; what was erased along the same way leaves a quarter. */
const PAINTED = 64;

/** Draws strokes on a canvas's context of a side, in a colour, over nothing. */
export function drawStrokes(context, strokes, side, colour) {
  context.lineCap = "round";
  context.lineJoin = "round";
  context.strokeStyle = colour;
  for (const { erase, size, points } of strokes) {
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    context.lineWidth = Math.max(NARROWEST, size * side);
    context.beginPath();
    points.forEach(([u, v], i) => {
      if (i) context.lineTo(u * side, v * side);
      else context.moveTo(u * side, v * side);
    });
    // A dab: a line of no length has round ends all the same.
    if (points.length === 1) context.lineTo(points[0][0] * side + 0.01, points[0][1] * side);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

/** A PNG file, white where something is missing and black elsewhere; null where nothing is. */
export async function maskFile(strokes, width, height) {
  const side = Math.max(width, height);
  const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  drawStrokes(context, strokes, side, "#fff");
  const pixels = context.getImageData(0, 0, side, side);
  let missing = 0;
  for (let i = 0; i < pixels.data.length; i += 4) {
    const white = pixels.data[i + 3] > PAINTED ? 255 : 0;
    missing += white;
    pixels.data.set([white, white, white, 255], i);
  }
  if (!missing) return null;
  context.putImageData(pixels, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
