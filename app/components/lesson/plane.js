// A canvas on which two dimensions of a latent space are drawn, and the way between its pixels and codes.

import { Surface } from "./surface.js";

/** @import { Given } from "./surface.js" */

const MARGIN = 26; // pixels for the axes' numbers

export class Plane extends Surface {
  /** @type {[number, number, number, number]} left, right, bottom, top of what is seen */
  range = [-3, 3, -3, 3];

  /** @param {HTMLElement} room @param {Given} given */
  constructor(room, given) {
    super(room, "plane", given);
  }

  /** Fits what is seen to codes, the same scale both ways. @param {ArrayLike<number>[]} xy */
  fit(xy) {
    const low = [0, 1].map((k) => Math.min(-1, ...xy.map((p) => p[k])));
    const high = [0, 1].map((k) => Math.max(1, ...xy.map((p) => p[k])));
    const reach = (1.08 * Math.max(high[0] - low[0], high[1] - low[1])) / 2;
    const middle = [0, 1].map((k) => (low[k] + high[k]) / 2);
    this.range = [middle[0] - reach, middle[0] + reach, middle[1] - reach, middle[1] + reach];
  }

  get size() {
    return Math.min(this.canvas.clientWidth, this.canvas.clientHeight) - MARGIN;
  }

  /** Pixels of one unit. */
  get scale() {
    return this.size / (this.range[1] - this.range[0]);
  }

  /** @param {ArrayLike<number>} point two numbers of a code @returns {[number, number]} pixels */
  at(point) {
    return [MARGIN + (point[0] - this.range[0]) * this.scale, (this.range[3] - point[1]) * this.scale];
  }

  /** @param {{ clientX: number, clientY: number }} event @returns {[number, number]} two numbers of a code */
  from(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      this.range[0] + (event.clientX - box.left - MARGIN) / this.scale,
      this.range[3] - (event.clientY - box.top) / this.scale,
    ];
  }

  /** @override */
  axes() {
    const { pen, size, range } = this;
    pen.strokeStyle = pen.fillStyle = this.ink();
    pen.globalAlpha = 0.75;
    pen.font = "11px sans-serif";
    pen.lineWidth = 1;
    pen.strokeRect(MARGIN + 0.5, 0.5, size - 1, size - 1);
    for (let v = Math.ceil(range[0]); v <= range[1]; v++) {
      pen.textAlign = "center";
      pen.textBaseline = "top";
      if (v % 2 === 0 || range[1] - range[0] < 8) pen.fillText(minus(v), this.at([v, 0])[0], size + 3);
    }
    for (let v = Math.ceil(range[2]); v <= range[3]; v++) {
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      if (v % 2 === 0 || range[3] - range[2] < 8) pen.fillText(minus(v), MARGIN - 4, this.at([0, v])[1]);
    }
    pen.textAlign = "right";
    pen.textBaseline = "bottom";
    pen.fillText(`→ ${this.names[0]}`, MARGIN + size - 4, size - 3);
    pen.textAlign = "left";
    pen.textBaseline = "top";
    pen.fillText(`↑ ${this.names[1]}`, MARGIN + 4, 3);
    pen.globalAlpha = 1;
  }

  /**
   * @param {ArrayLike<number>[]} xy
   * @param {ArrayLike<number>} labels -1 for none
   * @param {{ size?: number, alpha?: number }} [how]
   */
  dots(xy, labels, { size = 2.4, alpha = 0.65 } = {}) {
    const { pen, palette } = this;
    pen.globalAlpha = alpha;
    xy.forEach((point, i) => {
      const label = labels[i] ?? -1;
      pen.fillStyle = label < 0 ? palette.none : palette.categorical[label % palette.categorical.length];
      pen.beginPath();
      pen.arc(...this.at(point), size, 0, 2 * Math.PI);
      pen.fill();
    });
    pen.globalAlpha = 1;
  }

  /**
   * @param {ArrayLike<number>} middle
   * @param {ArrayLike<number>} radii in units of the code
   * @param {{ colour?: string, fill?: number, width?: number, alpha?: number }} [how]
   */
  ellipse(middle, radii, { colour = this.palette.mark, fill = 0, width = 2, alpha = 1 } = {}) {
    const { pen, scale } = this;
    const [x, y] = this.at(middle);
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.ellipse(x, y, Math.max(1.5, radii[0] * scale), Math.max(1.5, radii[1] * scale), 0, 0, 2 * Math.PI);
    if (fill) {
      pen.globalAlpha = fill;
      pen.fill();
    }
    pen.globalAlpha = alpha;
    if (width) pen.stroke();
    pen.globalAlpha = 1;
  }

  /** A cross where a code lies. @param {ArrayLike<number>} point @param {number} [size] */
  cross(point, size = 4) {
    const { pen, palette } = this;
    const [x, y] = this.at(point);
    pen.strokeStyle = palette.mark;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(x - size, y - size);
    pen.lineTo(x + size, y + size);
    pen.moveTo(x + size, y - size);
    pen.lineTo(x - size, y + size);
    pen.stroke();
  }
}

/** @param {number} value */
const minus = (value) => String(value).replace("-", "−");
