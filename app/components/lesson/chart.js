// A canvas with two axes of their own scales, and what figures draw on it.

import { numberText } from "../shared/numbers.js";
import { roundTicks } from "../shared/ticks.js";
import { Surface } from "./surface.js";

/** @import { Given } from "./surface.js" */
/** @typedef {[number, number]} Point */
/** @typedef {{ colour?: string, width?: number, alpha?: number, dash?: number[] }} Stroke */

const MARGIN = { left: 46, right: 10, top: 16, bottom: 34 };

export class Chart extends Surface {
  /**
   * @param {HTMLElement} room
   * @param {Given & { x: Point, y: Point, rows?: boolean, ticks?: [number, string][] }} given
   *   `rows`: the upright axis has no numbers; `ticks`: of the level axis, where they are not round numbers
   */
  constructor(room, { label, palette, names, x, y, draw, rows = false, ticks }) {
    super(room, "chart", { label, palette, names, draw });
    this.x = x;
    this.y = y;
    this.rows = rows;
    this.ticks = ticks;
  }

  /** @override */
  content() {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top - 4, this.across, this.up + 8);
    pen.clip();
    this.draw();
    pen.restore();
  }

  get across() {
    return this.canvas.clientWidth - MARGIN.left - MARGIN.right;
  }

  get up() {
    return this.canvas.clientHeight - MARGIN.top - MARGIN.bottom;
  }

  /** @param {ArrayLike<number>} point @returns {Point} pixels */
  at(point) {
    const [low, high] = this.x;
    const [bottom, top] = this.y;
    return [
      MARGIN.left + ((point[0] - low) / (high - low)) * this.across,
      MARGIN.top + (1 - (point[1] - bottom) / (top - bottom)) * this.up,
    ];
  }

  /** @override */
  axes() {
    const { pen, x, y, names, across, up } = this;
    const bottom = MARGIN.top + up;
    pen.strokeStyle = pen.fillStyle = this.ink();
    pen.globalAlpha = 0.8;
    pen.font = "12px sans-serif";
    pen.lineWidth = 1;
    pen.strokeRect(MARGIN.left + 0.5, MARGIN.top + 0.5, across - 1, up - 1);
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const [v, text] of this.ticks ?? roundTicks(...x).map((v) => [v, numberText(v)]))
      pen.fillText(String(text), this.at([Number(v), y[0]])[0], bottom + 4);
    pen.textAlign = "right";
    pen.fillText(`${names[0]} →`, MARGIN.left + across, bottom + 19);
    pen.textBaseline = "middle";
    if (!this.rows)
      for (const v of roundTicks(...y)) pen.fillText(numberText(v), MARGIN.left - 5, this.at([x[0], v])[1]);
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText(names[1] && `↑ ${names[1]}`, MARGIN.left, 0);
    pen.globalAlpha = 1;
  }

  /** @param {ArrayLike<number>[]} points @param {Stroke} [how] */
  line(points, { colour = this.ink(), width = 2, alpha = 1, dash = [] } = {}) {
    const { pen } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.globalAlpha = alpha;
    pen.setLineDash(dash);
    this.path(points);
    pen.stroke();
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  /** Between a line and height 0. @param {Point[]} points @param {{ colour: string, alpha?: number }} how */
  area(points, { colour, alpha = 0.3 }) {
    const { pen } = this;
    if (!points.length) return;
    pen.fillStyle = colour;
    pen.globalAlpha = alpha;
    this.path([[points[0][0], 0], ...points, [points[points.length - 1][0], 0]]);
    pen.fill();
    pen.globalAlpha = 1;
  }

  /** @param {ArrayLike<number>[]} points */
  path(points) {
    this.pen.beginPath();
    for (const point of points) this.pen.lineTo(...this.at(point));
  }

  /** @param {ArrayLike<number>} point @param {{ colour?: string, size?: number, alpha?: number }} [how] */
  dot(point, { colour = this.palette.mark, size = 4, alpha = 1 } = {}) {
    const { pen } = this;
    pen.fillStyle = colour;
    pen.globalAlpha = alpha;
    pen.beginPath();
    pen.arc(...this.at(point), size, 0, 2 * Math.PI);
    pen.fill();
    pen.globalAlpha = 1;
  }

  /**
   * @param {string} text
   * @param {ArrayLike<number>} point
   * @param {{ align?: CanvasTextAlign, colour?: string, up?: number }} [how] `up`: pixels above the point
   */
  text(text, point, { align = "left", colour = this.ink(), up = 0 } = {}) {
    const { pen } = this;
    const [x, y] = this.at(point);
    pen.font = "13px sans-serif";
    pen.fillStyle = colour;
    pen.textAlign = align;
    pen.textBaseline = "middle";
    pen.fillText(text, x, y - up);
  }
}

/** Evenly spaced, both ends in. @param {number} low @param {number} high @param {number} count */
export const evenly = (low, high, count) =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));

/**
 * The density of N(mean, std²).
 *
 * @param {number} x
 * @param {number} [mean]
 * @param {number} [std]
 */
export const bell = (x, mean = 0, std = 1) =>
  Math.exp(-0.5 * ((x - mean) / std) ** 2) / (std * Math.sqrt(2 * Math.PI));
