// The rate of one dimension as an area. Nothing here touches the page.

import { klOf } from "./draws.js";

const LOG_ROOT = 0.5 * Math.log(2 * Math.PI);

/**
 * q(z) log(q(z) / p(z)) of q = N(mean, std²) and the prior p = N(0, 1), nats per unit of z.
 *
 * @param {number} z
 * @param {number} mean
 * @param {number} std
 */
export function integrand(z, mean, std) {
  const logQ = -0.5 * ((z - mean) / std) ** 2 - Math.log(std) - LOG_ROOT;
  return Math.exp(logQ) * (logQ + 0.5 * z ** 2 + LOG_ROOT);
}

/**
 * The area under the integrand by the trapezoid rule, and its parts above and below zero.
 *
 * @param {number} mean
 * @param {number} std
 * @param {number} [pieces]
 */
export function areaOf(mean, std, pieces = 800) {
  const [low, width] = [mean - 9 * std, (18 * std) / pieces];
  let [above, below] = [0, 0];
  for (let k = 0; k <= pieces; k++) {
    const piece = width * integrand(low + k * width, mean, std) * (k % pieces ? 1 : 0.5);
    if (piece > 0) above += piece;
    else below += piece;
  }
  return { area: above + below, above, below };
}

/** @param {number} mean @param {number} std */
export const parts = (mean, std) => ({
  place: 0.5 * mean ** 2,
  width: klOf(0, std),
  whole: klOf(mean, std),
});
