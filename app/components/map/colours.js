// Colours of points. A point's tone is the number of its colour, 0 to 255, of which the last means that there
// is nothing to colour by.

/** @import { Palette } from "../shared/types.js" */
/** @import { Colour, Rgb } from "./types.js" */

export const NO_TONE = 255;
const BLACK = [0, 0, 0];
const WHITE = [255, 255, 255];

/** @param {string} hex @returns {Rgb} */
export const toRgb = (hex) => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));

/** @param {Rgb} colour */
export const toCss = (colour) => `rgb(${colour.join(" ")})`;

/** @param {Rgb} a @param {Rgb} b @param {number} share of b */
const mix = (a, b, share) => a.map((v, i) => Math.round(v + (b[i] - v) * share));

/**
 * The colour of each tone.
 *
 * @param {Colour} colour
 * @param {Palette} palette
 * @returns {Rgb[]}
 */
export function coloursOf(colour, palette) {
  const categorical = palette.categorical.map(toRgb);
  const none = toRgb(palette.none);
  if (colour.kind === "none") return new Array(256).fill(categorical[0]);
  const viridis = palette.viridis.map(toRgb);
  const found = Array.from({ length: NO_TONE }, (_, tone) => {
    if (colour.kind === "classes") {
      // after ten colours the same ones lighter, then darker
      const first = categorical[tone % categorical.length];
      const round = Math.floor(tone / categorical.length) % 3;
      return tone < categorical.length ? first : mix(first, round === 1 ? WHITE : BLACK, 0.42);
    }
    const at = (tone / (NO_TONE - 1)) * (viridis.length - 1);
    const k = Math.min(viridis.length - 2, Math.floor(at));
    return mix(viridis[k], viridis[k + 1], at - k);
  });
  return [...found, none];
}

/**
 * The tones of points.
 *
 * @param {Colour} colour
 * @param {ArrayLike<number>} values of all points
 * @param {Int32Array} row of each point in the order that the tones are wanted in
 */
export function tonesOf(colour, values, row) {
  const tones = new Uint8Array(row.length);
  if (colour.kind === "classes") {
    for (let at = 0; at < row.length; at++) tones[at] = values[row[at]];
  } else if (colour.kind === "numbers") {
    const { low, high } = colour;
    const span = high - low || 1;
    for (let at = 0; at < row.length; at++) {
      const v = values[row[at]];
      const tone = Math.round(((v - low) / span) * (NO_TONE - 1));
      tones[at] = Number.isNaN(v) ? NO_TONE : Math.max(0, Math.min(NO_TONE - 1, tone));
    }
  }
  return tones;
}
