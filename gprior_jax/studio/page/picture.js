/** Small pictures, shown large. */

import { h, set } from "./dom.js";

/** The side to which pictures are enlarged before the browser scales them. */
const SIDE = 1024;

/**
 * A picture of an address. Browsers enlarge an img by straight lines between its pixels, which is seen in faces of 64
 * pixels: here cubic curves are taken. The picture before it stays until a new one is there.
 */
export function makePicture(kind = "canvas") {
  const element = h(kind, { role: "img", width: 1, height: 1 });
  let wanted = null;
  let way = null;

  async function show(url, label, pixels) {
    set(element, { "aria-label": label });
    if (wanted === url && way === pixels) return;
    [wanted, way] = [url, pixels];
    if (!url) {
      element.width = element.height = 1;
      element.dataset.shown = "";
      return;
    }
    const drawn = await enlarged(url, pixels).catch(() => null);
    // It is gone, as a preview is when its item has ended, or another is wanted by now.
    if (drawn && wanted === url && way === pixels) {
      element.width = drawn.width;
      element.height = drawn.height;
      element.getContext("2d").drawImage(drawn, 0, 0);
      element.dataset.shown = url;
    }
    drawn?.close();
  }

  return { element, show };
}

async function enlarged(url, pixels) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const factor = pixels ? 1 : Math.max(1, Math.floor(SIDE / Math.max(image.naturalWidth, image.naturalHeight)));
  const [resizeWidth, resizeHeight] = [image.naturalWidth * factor, image.naturalHeight * factor];
  return createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: "high" });
}
