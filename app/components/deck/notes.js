// Names of dimensions and bookmarks. Nothing here touches the page.

/** @import { Change, DeckData, NewChange } from "./types.js" */

/**
 * What the run's notes hold, which another page may have changed, and on top of it what was changed here
 * since. What was changed and is not among the notes yet, as far as this page has heard, is told again with
 * the next change.
 */
export class Notes {
  /** @type {Record<string, string>} by dimension */
  names = {};
  /** @type {number[][]} codes */
  bookmarks = [];
  /** names this page among those that change the same notes */
  page = Math.random().toString(36).slice(2);
  /** @type {Change[]} */
  changes = [];
  #changed = 0;

  /**
   * Takes up what the notes hold.
   *
   * @param {DeckData["marks"]} given
   * @returns {boolean} whether anything is another now
   */
  update({ names, bookmarks, kept }) {
    const before = JSON.stringify([this.names, this.bookmarks]);
    if (kept.page === this.page) this.changes = this.changes.filter(({ n }) => n > kept.n);
    this.names = { ...names };
    this.bookmarks = [...bookmarks];
    for (const change of this.changes) this.#apply(change);
    return JSON.stringify([this.names, this.bookmarks]) !== before;
  }

  /** @param {NewChange} change */
  add(change) {
    this.changes.push({ ...change, n: ++this.#changed });
  }

  /** Another run: nothing is owed to its notes. */
  forget() {
    this.changes = [];
  }

  /** @param {NewChange} change */
  #apply(change) {
    if (change.do === "add") this.bookmarks.push(change.code);
    else if (change.do === "remove") {
      const k = this.bookmarks.findIndex((code) => String(code) === String(change.code));
      if (k >= 0) this.bookmarks.splice(k, 1);
    } else if (change.name) this.names[change.dim] = change.name;
    else delete this.names[change.dim];
  }
}
