// Numbers as a page says them: app/words.py has the same in Python.

/** What a factor's values are called: each whole number, or both ends of a scale up to `top`. */
/** @typedef {{ each?: string[], low?: string, high?: string, top?: number }} ValueWords */

const END = 1 / 3; // of a scale, on which its word still holds

/**
 * A number with as many digits as it means: 39,200, 12.3 or 0.0123. Below 0.00001 with its exponent.
 *
 * @param {number} value
 * @param {number} [digits] at least so many count; whole parts are never cut
 */
export function numberText(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  if (Math.abs(value) < 1e-5) return minus(String(Number(value.toPrecision(digits))));
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return minus(value.toLocaleString("en", { maximumFractionDigits: Math.min(20, places) }));
}

/**
 * A number with as many decimals as are asked for.
 *
 * @param {number} value
 * @param {number} [decimals]
 */
export const fixed = (value, decimals = 2) => minus(value.toFixed(decimals));

/** @param {string} text */
const minus = (text) => text.replaceAll("-", "−");

/**
 * A value with its word, where it has one: "worn", "0.93, laughing" or "0.52".
 *
 * @param {number} value
 * @param {ValueWords | undefined} words
 * @param {number} [digits]
 */
export function valueText(value, words, digits) {
  if (words?.each) return words.each[value] ?? numberText(value, digits);
  if (!words || !Number.isFinite(value)) return numberText(value, digits);
  const top = words.top ?? 1;
  // two digits of the scale, not of what is next to nothing on it
  const step = 10 ** (2 - Math.floor(Math.log10(top)));
  const text = numberText(Math.round(value * step) / step, digits);
  const share = value / top;
  const word = share <= END ? words.low : share >= 1 - END ? words.high : "";
  return word ? `${text}, ${word}` : text;
}
