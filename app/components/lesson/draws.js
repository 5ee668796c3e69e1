// Random numbers of figures, and what is measured on codes. Nothing here touches the page.

import { gaussian } from "../shared/latent.js";
import { nearestCode } from "../shared/usual.js";

/** @import { Table } from "./arrays.js" */

/** @param {number} n @param {number} dims */
export const normals = (n, dims) =>
  Array.from({ length: n }, () => Float32Array.from({ length: dims }, () => gaussian(Math.random)));

/**
 * The row nearest to a code.
 *
 * @param {Table} codes
 * @param {ArrayLike<number>} z
 */
export const nearestRow = ({ values, rows }, z) => nearestCode({ points: values, count: rows }, z).row;

/**
 * The k rows nearest to a code.
 *
 * @param {Table} codes
 * @param {ArrayLike<number>} z
 * @param {number} k
 */
export function nearestRows({ values, rows, across }, z, k) {
  const far = Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let d = 0; d < across; d++) sum += (values[i * across + d] - z[d]) ** 2;
    return { i, sum };
  });
  return far
    .sort((a, b) => a.sum - b.sum)
    .slice(0, k)
    .map(({ i }) => i);
}

/**
 * KL of a one-dimensional posterior from the prior, nats.
 *
 * @param {number} mean
 * @param {number} std
 */
export const klOf = (mean, std) => 0.5 * (mean ** 2 + std ** 2 - 1 - Math.log(std ** 2));

/**
 * Of numbers, their mean with its standard error, and their spread.
 *
 * @param {ArrayLike<number>} values two or more
 */
export function summary(values) {
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i] / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i] - mean) ** 2;
  const spread = Math.sqrt(squares / (n - 1));
  return { mean, spread, error: spread / Math.sqrt(n) };
}
