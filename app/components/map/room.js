// Which pictures fit into a plot without covering each other.

const NONE = -1;

/** Room for squares of one size; whoever comes first has it. */
export class Room {
  #taken;
  #xs = /** @type {number[]} */ ([]);
  #ys = /** @type {number[]} */ ([]);

  /** @param {number} width of the plot @param {number} height @param {number} side of a square and its gap */
  constructor(width, height, side) {
    this.side = side;
    this.columns = Math.ceil(width / side) + 2;
    this.rows = Math.ceil(height / side) + 2;
    // two middles in one cell of a square's size lie too near to each other, so a cell holds one
    this.#taken = new Int32Array(this.columns * this.rows).fill(NONE);
  }

  /**
   * Takes the square around a middle, unless it covers a part of one that was taken.
   *
   * @param {number} x from the plot's left, within it
   * @param {number} y from its top
   * @returns {boolean} whether there was room
   */
  take(x, y) {
    const { side, columns } = this;
    const column = Math.floor(x / side) + 1;
    const row = Math.floor(y / side) + 1;
    for (let up = row - 1; up <= row + 1; up++) {
      for (let across = column - 1; across <= column + 1; across++) {
        const other = this.#taken[up * columns + across];
        if (other === NONE || other === undefined) continue;
        if (Math.abs(this.#xs[other] - x) < side && Math.abs(this.#ys[other] - y) < side) return false;
      }
    }
    this.#taken[row * columns + column] = this.#xs.length;
    this.#xs.push(x);
    this.#ys.push(y);
    return true;
  }
}
