/** Whether a file is a picture that the studio takes, by its head: before it is sent, or decoded. */

import { UserError } from "./errors.js";

/** Bytes in which a JPEG file says how large it is: photographs have previews and profiles before that. */
const HEAD = 1 << 20;

/** Checks a file. */
export async function checkPicture(file, limits) {
  const why = refusal(file, limits) ?? (await inside(file, limits));
  if (why) throw new UserError(`${file.name} ${why}`);
}

/** Why a file cannot be taken, whatever is in it; null where it may be. */
function refusal({ size, type }, { megabytes }) {
  if (!size) return "is empty: choose a PNG or JPEG picture.";
  if (type.startsWith("video/")) return "is a video: choose a PNG or JPEG picture, as one of its frames.";
  if (size > megabytes * 1e6)
    return `has ${(size / 1e6).toFixed(0)} MB, the studio takes ${megabytes}: make it smaller.`;
  return null;
}

async function inside(file, { megapixels, side, aspect }) {
  let bytes;
  try {
    bytes = new DataView(await file.slice(0, HEAD).arrayBuffer());
  } catch {
    return "cannot be read: choose a PNG or JPEG picture, no folder.";
  }
  const size = sizeOfPng(bytes) ?? sizeOfJpeg(bytes);
  if (size === null) return "is no PNG or JPEG picture: choose one of them.";
  if (!size.length) return null;
  const [short, long] = size.toSorted((one, other) => one - other);
  const told = `has ${size.join(" × ")} pixels`;
  if (short < side) return `${told}: choose a picture with ${side} on each side at least.`;
  if (long > aspect * short) return `${told}, too long and thin: crop it first.`;
  if (short * long > megapixels * 1e6) return `${told}, too many: reduce it below ${megapixels} million first.`;
  return null;
}

/** [width, height]; null where it is no PNG file. */
function sizeOfPng(bytes) {
  const isPng = bytes.byteLength > 24 && bytes.getUint32(0) === 0x89504e47;
  return isPng ? [bytes.getUint32(16), bytes.getUint32(20)] : null;
}

/** [width, height], of no length where the head of the file does not tell it; null where it is no JPEG file. */
function sizeOfJpeg(bytes) {
  if (bytes.byteLength < 4 || bytes.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (at + 9 < bytes.byteLength && bytes.getUint8(at) === 0xff) {
    const marker = bytes.getUint8(at + 1);
    // A frame's head (SOF0 to SOF15), but not the tables between them.
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return [bytes.getUint16(at + 7), bytes.getUint16(at + 5)];
    // Bytes that only fill, before a marker.
    at += marker === 0xff ? 1 : 2 + bytes.getUint16(at + 2);
  }
  return [];
}
