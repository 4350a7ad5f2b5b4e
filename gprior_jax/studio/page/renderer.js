/** Pictures that the server draws: of edits, strips and heat maps. */

import { isFinal } from "./errors.js";

/** Pictures that are kept, and the address of each. */
class Pictures {
  constructor(most) {
    this.most = most;
    this.urls = new Map();
  }

  get(key) {
    const url = this.urls.get(key);
    if (url === undefined) return null;
    // The newest last: what has not been seen longest goes first.
    this.urls.delete(key);
    this.urls.set(key, url);
    return url;
  }

  put(key, blob) {
    const url = URL.createObjectURL(blob);
    this.urls.set(key, url);
    for (const [old, address] of this.urls) {
      if (this.urls.size <= this.most) break;
      this.urls.delete(old);
      // Something may still be drawn from it.
      setTimeout(() => URL.revokeObjectURL(address), 1_000);
    }
    return url;
  }

  clear() {
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
    this.urls.clear();
  }
}

/**
 * Asks for one picture at a time; of the wishes that come meanwhile the newest is next and the others are never sent.
 *
 * One that is under way is not given up for a newer one of its group, or nothing would be seen while a slider moves;
 * it is where the group, as the item, is another.
 */
export class Renderer {
  constructor(fetcher, { most = 48, shown, failed }) {
    Object.assign(this, { fetcher, shown, failed, pictures: new Pictures(most), running: null, wanted: null });
    this.refused = new Set();
  }

  /** A picture of a key; `shown(key, url)` is called when it is there, at once where it is kept. */
  want(key, group, session, order) {
    const url = this.pictures.get(key);
    if (url) {
      this.wanted = null;
      this.shown(key, url);
      return;
    }
    // What the server has refused for good it would only refuse again.
    if (this.running?.key === key || this.refused.has(key)) {
      this.wanted = null;
      return;
    }
    this.wanted = { key, group, session, order };
    if (this.running && this.running.group !== group) this.running.abort.abort();
    if (!this.running) this._next();
  }

  /** Gives up whatever is wanted. */
  drop() {
    this.wanted = null;
    this.running?.abort.abort();
  }

  /** Forgets all pictures. */
  clear() {
    this.drop();
    this.refused.clear();
    this.pictures.clear();
  }

  async _next() {
    const { key, group, session, order } = this.wanted;
    this.running = { key, group, abort: new AbortController() };
    this.wanted = null;
    try {
      const blob = await this.fetcher(session, order, this.running.abort.signal);
      this.shown(key, this.pictures.put(key, blob));
    } catch (error) {
      if (isFinal(error)) this.refused.add(key);
      if (error.name !== "AbortError") this.failed(error);
    }
    this.running = null;
    if (this.wanted) this._next();
  }
}

/** Draws a picture in an img when it has been decoded: the one before stays until then. */
export async function swap(img, url) {
  if (img.wanted === url) return;
  img.wanted = url;
  if (!url) {
    img.removeAttribute("src");
    return;
  }
  const next = new Image();
  next.src = url;
  try {
    await next.decode();
  } catch {
    // It is gone, as a preview is when its item has ended: the picture before it stays.
    return;
  }
  if (img.wanted === url) img.src = url;
}
