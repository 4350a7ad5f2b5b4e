/** Undo and redo of everything. */

const MOST = 400;
const TOGETHER_MS = 1000;

/**
 * Entries are {label, key, at, steps}; a step is {kind, before, after, ...} and is applied by the function of its
 * kind, which may ask the server. One is applied at a time, in the order of the wishes.
 */
export class History {
  constructor(appliers, { changed, failed }) {
    Object.assign(this, { appliers, changed, failed, entries: [], done: 0, last: Promise.resolve() });
  }

  get canUndo() {
    return this.done > 0;
  }

  get canRedo() {
    return this.done < this.entries.length;
  }

  get undoes() {
    return this.entries[this.done - 1]?.label ?? "";
  }

  get redoes() {
    return this.entries[this.done]?.label ?? "";
  }

  /** Takes down what has been done. Entries of one key that follow each other shortly are one. */
  record(label, steps, key = null) {
    const now = Date.now();
    const before = this.entries[this.done - 1];
    const dropped = this.entries.slice(this.done).flatMap((entry) => entry.steps);
    this.entries.length = this.done;
    if (key !== null && before?.key === key && now - before.at < TOGETHER_MS) {
      const joined = before.steps.map((step, i) => ({ ...step, after: steps[i].after }));
      this.entries[this.done - 1] = { label, key, at: now, steps: joined };
    } else {
      this.entries.push({ label, key, at: now, steps });
      if (this.entries.length > MOST) this.entries.shift();
      this.done = this.entries.length;
    }
    this.changed([...dropped, ...steps]);
  }

  undo() {
    return this._wish(() => this.canUndo && this._apply(this.entries[this.done - 1], "before", -1));
  }

  redo() {
    return this._wish(() => this.canRedo && this._apply(this.entries[this.done], "after", 1));
  }

  /** Puts entries in, as of a session that is reopened; `done` of them hold. */
  load(entries, done) {
    this.entries = entries;
    this.done = done;
    this.changed([]);
  }

  _wish(act) {
    this.last = this.last.then(act).catch(this.failed);
    return this.last;
  }

  async _apply(entry, side, move) {
    const steps = side === "before" ? [...entry.steps].reverse() : entry.steps;
    try {
      for (const step of steps) {
        // Another session may have been opened meanwhile.
        if (!this.entries.includes(entry)) return "";
        await this.appliers[step.kind](step, side);
      }
    } catch (error) {
      // What the server refuses it will refuse again: go past it. Without an answer it stays to be tried again.
      if (error.status === undefined) throw error;
      this.failed(error);
    }
    if (!this.entries.includes(entry)) return "";
    this.done += move;
    this.changed(entry.steps);
    return `${side === "before" ? "Undone" : "Redone"}: ${entry.label}`;
  }
}
