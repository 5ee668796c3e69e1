// Points in cells of a grid: what is out of view costs nothing, and what is pointed at is found at once.

/** @import { Box, Extent } from "./types.js" */

const PER_CELL = 6; // points, on average
const MOST_CELLS = 400; // along a side

/**
 * @param {ArrayLike<number>} points x and y in turn
 * @returns {Extent}
 */
export function extentOf(points) {
  let x0 = Number.POSITIVE_INFINITY;
  let x1 = Number.NEGATIVE_INFINITY;
  let y0 = Number.POSITIVE_INFINITY;
  let y1 = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i];
    const y = points[i + 1];
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  return { x0, x1, y0, y1 };
}

export class Grid {
  /** @param {ArrayLike<number>} points x and y in turn */
  constructor(points) {
    const n = points.length / 2;
    const { x0, x1, y0, y1 } = extentOf(points);
    const side = Math.max(4, Math.min(MOST_CELLS, Math.round(Math.sqrt(n / PER_CELL))));
    const width = Math.max(1e-9, (x1 - x0) / side);
    const height = Math.max(1e-9, (y1 - y0) / side);
    const cell = new Int32Array(n);
    const start = new Int32Array(side * side + 1);
    for (let i = 0; i < n; i++) {
      const cx = Math.min(side - 1, Math.floor((points[2 * i] - x0) / width));
      const cy = Math.min(side - 1, Math.floor((points[2 * i + 1] - y0) / height));
      cell[i] = cy * side + cx;
      start[cell[i] + 1]++;
    }
    for (let c = 0; c < side * side; c++) start[c + 1] += start[c];
    const next = start.slice();
    const row = new Int32Array(n);
    const xs = new Float32Array(n);
    const ys = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      const at = next[cell[i]]++;
      row[at] = i;
      xs[at] = points[2 * i];
      ys[at] = points[2 * i + 1];
    }
    this.side = side;
    this.x0 = x0;
    this.y0 = y0;
    this.width = width; // of a cell
    this.height = height;
    this.start = start; // of each cell, in the order of the grid
    this.row = row; // of each point in that order, and where it lies
    this.xs = xs;
    this.ys = ys;
  }

  /**
   * Stretches [from, to) of points, in the order of the grid, that hold all points of a box and some around
   * it.
   *
   * @param {Box} box
   * @returns {Generator<[number, number]>}
   */
  *runs([x0, x1, y0, y1]) {
    const { side, start } = this;
    if (x1 < this.x0 || y1 < this.y0) return;
    const clamp = (/** @type {number} */ v) => Math.max(0, Math.min(side - 1, Math.floor(v)));
    const left = clamp((x0 - this.x0) / this.width);
    const right = clamp((x1 - this.x0) / this.width);
    const top = clamp((y1 - this.y0) / this.height);
    for (let cy = clamp((y0 - this.y0) / this.height); cy <= top; cy++) {
      yield [start[cy * side + left], start[cy * side + right + 1]];
    }
  }

  /** @param {Box} box @returns {number} points in it and some around it */
  count(box) {
    let found = 0;
    for (const [from, to] of this.runs(box)) found += to - from;
    return found;
  }

  /**
   * The row of the nearest point within `far`, or -1.
   *
   * @param {number} x
   * @param {number} y
   * @param {number} far
   * @param {(at: number) => boolean} shown of points in the order of the grid
   */
  nearest(x, y, far, shown) {
    const { row, xs, ys } = this;
    let best = far * far;
    let found = -1;
    for (const [from, to] of this.runs([x - far, x + far, y - far, y + far])) {
      for (let at = from; at < to; at++) {
        if (!shown(at)) continue;
        const d = (xs[at] - x) ** 2 + (ys[at] - y) ** 2;
        if (d < best) {
          best = d;
          found = row[at];
        }
      }
    }
    return found;
  }
}
