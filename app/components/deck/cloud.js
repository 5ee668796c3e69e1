// What the codes of the images say of a code. Nothing here touches the page.

/** @import { CloudHeader } from "./types.js" */

/**
 * Codes of images: `points` (count, dims), numbers of the images, classes (-1 for none).
 *
 * @typedef {{ count: number, points: Float32Array, index: Int32Array, labels: Int32Array }} Codes
 */
/** @typedef {CloudHeader & Codes & { all: Codes }} Cloud `all` are those the nearest is looked for among */

/**
 * What app.services.neighbours.CodeSample.points packs: means of `dims` dimensions, image numbers and
 * classes.
 *
 * @param {ArrayBuffer} buffer
 * @param {number} dims
 * @returns {Codes}
 */
export function unpackCodes(buffer, dims) {
  const count = buffer.byteLength / 4 / (dims + 2);
  return {
    count,
    points: new Float32Array(buffer, 0, count * dims),
    index: new Int32Array(buffer, 4 * count * dims, count),
    labels: new Int32Array(buffer, 4 * count * (dims + 1), count),
  };
}

/**
 * A code on the two principal axes.
 *
 * @param {Pick<CloudHeader, "mean" | "axes">} cloud
 * @param {ArrayLike<number>} z
 */
export function project({ mean, axes }, z) {
  return axes.map((axis) => axis.reduce((sum, v, d) => sum + v * (z[d] - mean[d]), 0));
}

/** @param {number} n as 1st, 2nd, 3rd ... */
export function ordinal(n) {
  const tail = n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${tail}`;
}
