// How usual a code is among those of images. Nothing here touches the page.

/**
 * Mahalanobis distance of a code from the middle of the aggregate posterior: |W (z - mean)|.
 *
 * @param {{ mean: number[], whiten: number[][] }} cloud
 * @param {ArrayLike<number>} z
 */
export function mahalanobis({ mean, whiten }, z) {
  const away = mean.map((v, d) => z[d] - v);
  let square = 0;
  for (const row of whiten) {
    let sum = 0;
    for (let d = 0; d < away.length; d++) sum += row[d] * away[d];
    square += sum * sum;
  }
  return Math.sqrt(square);
}

/**
 * The share of samples that lie nearer, in per cent; straight between the quantiles.
 *
 * @param {number[]} quantiles rising, at 0 ... 100 %
 * @param {number} distance
 */
export function percentileOf(quantiles, distance) {
  const k = quantiles.findIndex((v) => v > distance);
  if (k < 0) return 100;
  if (k === 0) return 0;
  return k - 1 + (distance - quantiles[k - 1]) / Math.max(1e-12, quantiles[k] - quantiles[k - 1]);
}

/**
 * The code nearest to z.
 *
 * @param {{ points: ArrayLike<number>, count: number }} codes `count` rows, flat
 * @param {ArrayLike<number>} z
 * @returns {{ row: number, distance: number }}
 */
export function nearestCode({ points, count }, z) {
  const dims = z.length;
  let best = Number.POSITIVE_INFINITY;
  let row = 0;
  for (let i = 0; i < count; i++) {
    const p = i * dims;
    let sum = 0;
    for (let d = 0; d < dims && sum < best; d++) {
      const v = points[p + d] - z[d];
      sum += v * v;
    }
    if (sum < best) {
      best = sum;
      row = i;
    }
  }
  return { row, distance: Math.sqrt(best) };
}
