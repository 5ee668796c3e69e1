/** @template T */
export class History {
  /** @type {T[]} */
  #past = [];
  /** @type {T[]} */
  #future = [];

  /** @param {number} [most] states that are remembered */
  constructor(most = 200) {
    this.most = most;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  clear() {
    this.#past = [];
    this.#future = [];
  }

  /**
   * Remembers a state that is about to be left for a new one.
   *
   * @param {T} state
   */
  push(state) {
    this.#past.push(state);
    if (this.#past.length > this.most) this.#past.shift();
    this.#future = [];
  }

  /**
   * @param {T} now the state that is left
   * @returns {T | undefined} the one before it, if there is one
   */
  undo(now) {
    return swap(this.#past, this.#future, now);
  }

  /**
   * @param {T} now
   * @returns {T | undefined} the one that was undone last, if there is one
   */
  redo(now) {
    return swap(this.#future, this.#past, now);
  }
}

/**
 * @template T
 * @param {T[]} from
 * @param {T[]} to
 * @param {T} now
 */
function swap(from, to, now) {
  const found = from.pop();
  if (found !== undefined) to.push(now);
  return found;
}
