// Arrays as the page publishes them.

import { toImage } from "../shared/pixels.js";
import { fetchArray } from "../shared/requests.js";

/** @import { Published } from "./types.js" */

/** @typedef {{ values: Float32Array, rows: number, across: number }} Table (rows, across), flat */

/** @param {Published} array @returns {Promise<Table>} of float32 */
export async function table({ url, shape }) {
  const [rows, ...rest] = shape;
  return { values: await fetchArray(url, Float32Array), rows, across: rest.reduce((a, b) => a * b, 1) };
}

/** @param {Published} array */
export const whole = ({ url }) => fetchArray(url, Int32Array);

/** @param {Table} from @param {number} i */
export const row = ({ values, across }, i) => values.subarray(i * across, (i + 1) * across);

/** Pictures (n, H, W, C). @param {Published} array @returns {Promise<ImageData[]>} */
export async function pictures({ url, shape: [n, height, width, channels] }) {
  const bytes = await fetchArray(url, Uint8Array);
  const size = height * width * channels;
  return Array.from({ length: n }, (_, i) =>
    toImage(bytes.subarray(i * size, (i + 1) * size), { width, height, channels }),
  );
}
