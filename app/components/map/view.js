// Where things are on the screen: data <-> CSS pixels.

/** @import { Box, Extent } from "./types.js" */

/** CSS pixels around the points, for axes and their words; dots at the edge spill into them. */
export const MARGIN = { left: 46, right: 10, top: 10, bottom: 38 };
const FILLED = 0.94; // of the plot, by what is fitted into it
const CLOSEST = 20_000; // times what fits
const FARTHEST = 1 / 8;
const MOST_TICKS = 60;

export class View {
  // what of the data is in the middle, and CSS pixels per unit
  x = 0;
  y = 0;
  k = 1;
  // of the plot, in CSS pixels
  width = 0;
  height = 0;
  /** all is in view, and stays so when the plot's size changes */
  fitted = true;
  least = 0;
  most = Number.POSITIVE_INFINITY;
  /** @type {Extent | null} what fits */
  extent = null;

  /**
   * Shows all of an extent.
   *
   * @param {Extent} [extent]
   */
  fit(extent) {
    if (extent) this.extent = extent;
    if (!this.extent || !this.width) return;
    const { x0, x1, y0, y1 } = this.extent;
    const { left, right, top, bottom } = MARGIN;
    const across = (this.width - left - right) / Math.max(1e-6, x1 - x0);
    const up = (this.height - top - bottom) / Math.max(1e-6, y1 - y0);
    this.x = (x0 + x1) / 2;
    this.y = (y0 + y1) / 2;
    this.k = FILLED * Math.min(across, up);
    this.least = this.k * FARTHEST;
    this.most = this.k * CLOSEST;
    this.fitted = true;
  }

  /**
   * The middle of the plot, in CSS pixels.
   *
   * @returns {[number, number]}
   */
  get middle() {
    const { left, right, top, bottom } = MARGIN;
    return [(left + this.width - right) / 2, (top + this.height - bottom) / 2];
  }

  /** @param {number} x @returns {number} CSS pixels from the left */
  across(x) {
    return this.middle[0] + (x - this.x) * this.k;
  }

  /** @param {number} y @returns {number} CSS pixels from the top */
  down(y) {
    return this.middle[1] - (y - this.y) * this.k;
  }

  /**
   * CSS pixels -> data.
   *
   * @param {number} px
   * @param {number} py
   * @returns {[number, number]}
   */
  spot(px, py) {
    const [mx, my] = this.middle;
    return [this.x + (px - mx) / this.k, this.y - (py - my) / this.k];
  }

  /**
   * What of the data is in view.
   *
   * @returns {Box}
   */
  get box() {
    const { left, right, top, bottom } = MARGIN;
    const [x0, y1] = this.spot(left, top);
    const [x1, y0] = this.spot(this.width - right, this.height - bottom);
    return [x0, x1, y0, y1];
  }

  /**
   * What lies at a place stays there.
   *
   * @param {number} by
   * @param {number} px
   * @param {number} py
   */
  zoom(by, px, py) {
    const k = Math.max(this.least, Math.min(this.most, this.k * by));
    const [x, y] = this.spot(px, py);
    const [mx, my] = this.middle;
    this.x = x - (px - mx) / k;
    this.y = y + (py - my) / k;
    this.k = k;
    this.fitted = false;
  }

  /** @param {number} dx @param {number} dy CSS pixels */
  pan(dx, dy) {
    this.x -= dx / this.k;
    this.y += dy / this.k;
    this.fitted = false;
  }
}

/**
 * Round numbers in [low, high], about `count` of them, and their step.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count
 */
export function ticksOf(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5].find((m) => m * power >= raw) ?? 10) * power;
  const values = [];
  for (let i = Math.ceil(low / step); i * step <= high && values.length < MOST_TICKS; i++)
    values.push(i * step);
  return { values, step };
}

/** @param {number} v @param {number} step of its axis */
export function tickText(v, step) {
  if (Math.abs(v) < step / 2) return "0";
  const digits = Math.max(0, Math.min(9, -Math.floor(Math.log10(step) + 1e-9)));
  return v.toFixed(digits).replace("-", "−");
}
