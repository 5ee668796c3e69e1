// The curve of a β dial between the βs at which it was measured. Nothing here touches the page.

/** @import { Stops } from "./types.js" */

/** @typedef {{ low: number, share: number, rate: number, distortion: number, kl: number[] }} CurvePoint */

/** @param {number} beta in three digits */
export const betaText = (beta) => String(Number(beta.toPrecision(3)));

/**
 * Where β lies among the stops: the lower one, the share of the way to the next over log β, and all figures
 * there, straight between the two.
 *
 * @param {Stops} stops
 * @param {number} beta
 * @returns {CurvePoint}
 */
export function interpolate({ betas, rate, distortion, kl }, beta) {
  const x = Math.log(beta);
  const logs = betas.map(Math.log);
  let low = 0;
  while (low < logs.length - 2 && logs[low + 1] <= x) low++;
  const share = Math.min(1, Math.max(0, (x - logs[low]) / (logs[low + 1] - logs[low])));
  const between = (/** @type {number} */ a, /** @type {number} */ b) => a + share * (b - a);
  return {
    low,
    share,
    rate: between(rate[low], rate[low + 1]),
    distortion: between(distortion[low], distortion[low + 1]),
    kl: kl[low].map((v, d) => between(v, kl[low + 1][d])),
  };
}

/**
 * Round numbers from `low` to `high`, up to about five of them.
 *
 * @param {number} low
 * @param {number} high
 */
export function roundTicks(low, high) {
  const power = 10 ** Math.floor(Math.log10((high - low) / 3));
  const step = power * ([1, 2, 5].find((m) => (high - low) / (m * power) <= 5) ?? 10);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) found.push(Number(v.toPrecision(6)));
  return found;
}
