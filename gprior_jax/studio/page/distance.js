/** How far two pictures are apart, measured on the page when nothing else is drawn. */

import { debounced } from "./dom.js";
import { store } from "./studio.js";

const PAUSE_MS = 250;

/** Distances that are kept. */
const MOST = 64;

const known = new Map();
const measureSoon = debounced(PAUSE_MS, measure);

/** PSNR in decibels of two addresses' pictures; null until it has been measured, which the store then tells. */
export function distance(one, other) {
  const key = `${one} ${other}`;
  if (!known.has(key)) measureSoon(key, one, other);
  return known.get(key) ?? null;
}

async function measure(key, one, other) {
  let psnr = null;
  try {
    const [first, second] = await Promise.all([one, other].map(pixelsOf));
    psnr = first.length === second.length ? psnrOf(first, second) : null;
  } catch {
    // One of them is gone: nothing is said of it.
  }
  known.set(key, psnr);
  if (known.size > MOST) known.delete(known.keys().next().value);
  store.set({ revision: store.state.revision + 1 });
}

async function pixelsOf(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height).data;
}

/** Of red, green and blue; null where there is no difference at all. */
export function psnrOf(one, other) {
  let sum = 0;
  for (let i = 0; i < one.length; i += 4)
    for (let k = i; k < i + 3; k += 1) sum += (one[k] - other[k]) ** 2;
  return sum ? 10 * Math.log10((255 * 255 * 0.75 * one.length) / sum) : null;
}
