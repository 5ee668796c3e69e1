// Round numbers for an axis.

const TICKS = 5; // of an axis, at the most and about

/**
 * Round numbers between two ends, at steps of 1, 2 or 5 times a power of ten.
 *
 * @param {number} low
 * @param {number} high
 */
export function roundTicks(low, high) {
  const least = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5].find((times) => times * power >= least * (1 - 1e-9)) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}
