// Draws many points into an image, pixel by pixel: far faster than a canvas draws shapes.

import { MARGIN } from "./view.js";

/** @import { Grid } from "./grid.js" */
/** @import { Rgb } from "./types.js" */
/** @import { View } from "./view.js" */

/**
 * @typedef {object} Points
 * @property {Grid} grid
 * @property {Uint8Array} tones numbers of colours, in the order of the grid
 * @property {Uint8Array} shown by tone: 0 where it is hidden
 * @property {Uint8Array | null} marked in the order of the grid: 1 where selected; null where nothing is
 * @property {Rgb[]} colours by tone
 * @property {Rgb} none the colour of what is not selected
 */

const UNSELECTED = 0.16; // opacity

/**
 * Where data comes to lie in an image whose pixels are `scale` to a CSS pixel, or less: x = ox + k * data x.
 *
 * @param {View} view
 * @param {number} scale
 */
function onto(view, scale) {
  const k = view.k * scale;
  const [mx, my] = view.middle;
  return { k, ox: mx * scale - view.x * k, oy: my * scale + view.y * k };
}

/** @param {{ width: number, height: number }} image @param {number} scale pixels to a CSS pixel */
const edges = ({ width, height }, scale) => ({
  left: MARGIN.left * scale,
  right: width - MARGIN.right * scale,
  top: MARGIN.top * scale,
  bottom: height - MARGIN.bottom * scale,
});

/**
 * A dot's pixels: their offsets in an image's bytes and how much of each it covers, with soft edges.
 *
 * @param {number} radius in pixels
 * @param {number} width of the image
 */
export function dotShape(radius, width) {
  const reach = Math.ceil(radius);
  const offsets = [];
  const covers = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));
      if (cover <= 0.05) continue;
      offsets.push(4 * (dy * width + dx));
      covers.push(cover);
    }
  }
  return { offsets: Int32Array.from(offsets), covers: Float32Array.from(covers) };
}

/**
 * A dot for each point, over each other by their opacity.
 *
 * @param {ImageData} image empty
 * @param {Points} points
 * @param {View} view
 * @param {{ scale: number, size: number, opacity: number }} look size in CSS pixels
 */
export function drawDots(
  image,
  { grid, tones, shown, marked, colours, none },
  view,
  { scale, size, opacity },
) {
  const buffer = image.data;
  const width = image.width;
  const { offsets, covers } = dotShape((size * scale) / 2, width);
  const { xs, ys } = grid;
  const red = new Uint8Array(colours.map((colour) => colour[0]));
  const green = new Uint8Array(colours.map((colour) => colour[1]));
  const blue = new Uint8Array(colours.map((colour) => colour[2]));
  const { k, ox, oy } = onto(view, scale);
  const { left, right, top, bottom } = edges(image, scale);
  const box = view.box;
  // first those that are not selected, so that they never cover what is
  for (let pass = marked ? 0 : 1; pass < 2; pass++) {
    const faded = marked !== null && pass === 0;
    const strength = faded ? UNSELECTED : opacity;
    for (const [from, to] of grid.runs(box)) {
      for (let at = from; at < to; at++) {
        const tone = tones[at];
        if (!shown[tone] || (marked && marked[at] !== pass)) continue;
        const x = (ox + xs[at] * k) | 0;
        const y = (oy - ys[at] * k) | 0;
        if (x < left || x >= right || y < top || y >= bottom) continue;
        const r = faded ? none[0] : red[tone];
        const g = faded ? none[1] : green[tone];
        const b = faded ? none[2] : blue[tone];
        const base = 4 * (y * width + x);
        for (let m = 0; m < offsets.length; m++) {
          const j = base + offsets[m];
          const w = covers[m] * strength;
          const a = buffer[j + 3];
          if (a === 0) {
            buffer[j] = r;
            buffer[j + 1] = g;
            buffer[j + 2] = b;
            buffer[j + 3] = 255 * w;
          } else {
            buffer[j] += (r - buffer[j]) * w;
            buffer[j + 1] += (g - buffer[j + 1]) * w;
            buffer[j + 2] += (b - buffer[j + 2]) * w;
            buffer[j + 3] = a + (255 - a) * w;
          }
        }
      }
    }
  }
}

const SQUARE = 2; // CSS pixels
const FAINTEST = 70; // opacity of a single point, of 255

/** Squares that hold the mean colour of the points there, the denser the stronger. */
export class Density {
  #sums = new Float32Array(0); // red, green, blue and count of each square

  /**
   * @param {ImageData} image empty
   * @param {Points} points
   * @param {View} view
   * @param {number} scale
   */
  draw(image, points, view, scale) {
    const size = Math.max(1, Math.round(SQUARE * scale)); // pixels of a square's side
    const columns = Math.ceil(image.width / size);
    const rows = Math.ceil(image.height / size);
    this.#sumUp(image, points, view, { columns, rows, scale: scale / size, size });
    paintSquares(image, this.#sums, columns, rows, size);
  }

  /**
   * @param {ImageData} image
   * @param {Points} points
   * @param {View} view
   * @param {{ columns: number, rows: number, scale: number, size: number }} squares `scale` of them to a CSS
   *   pixel
   */
  #sumUp(image, { grid, tones, shown, marked, colours, none }, view, { columns, rows, scale, size }) {
    if (this.#sums.length !== columns * rows * 4) this.#sums = new Float32Array(columns * rows * 4);
    else this.#sums.fill(0);
    const sums = this.#sums;
    const { xs, ys } = grid;
    const { k, ox, oy } = onto(view, scale);
    const { left, right, top, bottom } = edges(
      { width: image.width / size, height: image.height / size },
      scale,
    );
    for (const [from, to] of grid.runs(view.box)) {
      for (let at = from; at < to; at++) {
        const tone = tones[at];
        if (!shown[tone]) continue;
        const x = (ox + xs[at] * k) | 0;
        const y = (oy - ys[at] * k) | 0;
        if (x < left || x >= right || y < top || y >= bottom) continue;
        const faded = marked && !marked[at];
        const j = 4 * (y * columns + x);
        const colour = faded ? none : colours[tone];
        const w = faded ? 0.15 : 1;
        sums[j] += w * colour[0];
        sums[j + 1] += w * colour[1];
        sums[j + 2] += w * colour[2];
        sums[j + 3] += w;
      }
    }
  }
}

/**
 * @param {ImageData} image
 * @param {Float32Array} sums
 * @param {number} columns
 * @param {number} rows
 * @param {number} size
 */
function paintSquares({ data, width, height }, sums, columns, rows, size) {
  let most = 1;
  for (let j = 3; j < sums.length; j += 4) if (sums[j] > most) most = sums[j];
  const loudest = Math.log1p(most);
  for (let y = 0, j = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, j += 4) {
      const n = sums[j + 3];
      if (!n) continue;
      const alpha = FAINTEST + (255 - FAINTEST) * (Math.log1p(n) / loudest);
      const r = sums[j] / n;
      const g = sums[j + 1] / n;
      const b = sums[j + 2] / n;
      for (let dy = 0; dy < size && y * size + dy < height; dy++) {
        for (let dx = 0; dx < size && x * size + dx < width; dx++) {
          const i = 4 * ((y * size + dy) * width + x * size + dx);
          data[i] = r;
          data[i + 1] = g;
          data[i + 2] = b;
          data[i + 3] = alpha;
        }
      }
    }
  }
}
