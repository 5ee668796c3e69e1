/** @param {number | null | undefined} v */
export function number(v) {
  if (v == null) return "–";
  if (Math.abs(v) >= 1000) return whole(v);
  return v.toFixed(Math.abs(v) >= 100 ? 1 : 2);
}

/** @param {number} v without decimals */
export const whole = (v) => Math.round(v).toLocaleString("en");

const PLAIN = { maximumFractionDigits: 20 };

/** @param {number | null | undefined} v in three digits */
export const short = (v) => (v == null ? "–" : Number(v.toPrecision(3)).toLocaleString("en", PLAIN));

/**
 * Words as the beginning of a sentence. Greek letters are symbols: "β grows", never "Β grows".
 *
 * @param {string} words
 */
export const sentence = (words) => words.replace(/^\P{Script=Greek}/u, (first) => first.toUpperCase());

/** @param {number} seconds as 1:02:03 or 2:03 */
export function clock(seconds) {
  const s = Math.round(seconds);
  const two = (/** @type {number} */ v) => String(v).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return s >= 3600
    ? `${Math.floor(s / 3600)}:${two(minutes % 60)}:${two(s % 60)}`
    : `${minutes}:${two(s % 60)}`;
}

/**
 * Exponential moving average, corrected for its start (Kingma & Ba 2015, section 3); weight 0 leaves the
 * values as they are, and so stays what is missing.
 *
 * @param {(number | null)[]} values
 * @param {number} weight of what came before, from 0 to below 1
 */
export function smooth(values, weight) {
  if (!weight) return values;
  let sum = 0;
  let norm = 0;
  return values.map((v) => {
    if (v == null) return null;
    sum = weight * sum + (1 - weight) * v;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}
