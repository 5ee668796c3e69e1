// How far a slider goes. Nothing here touches the page.

/** @import { Span } from "./types.js" */
/** @typedef {"prior" | "data" | "free"} RangeName */

const PRIOR = 3; // standard deviations
const FREE = 6; // at least

/**
 * The ends of a dimension's slider.
 *
 * @param {RangeName} range
 * @param {Span | null} span of the data; null where that is not known
 * @param {number} dim
 * @returns {[number, number]}
 */
export function limitsOf(range, span, dim) {
  if (range === "data" && span) return [span.low[dim], Math.max(span.high[dim], span.low[dim] + 0.01)];
  if (range !== "free") return [-PRIOR, PRIOR];
  const far = span ? Math.max(FREE, 2 * Math.abs(span.low[dim]), 2 * Math.abs(span.high[dim])) : FREE;
  return [-far, far];
}

/**
 * A step stays within the range; from beyond its ends, where a typed number may be, it only leads back.
 *
 * @param {[number, number]} limits
 * @param {number} from
 * @param {number} step
 */
export function stepWithin([low, high], from, step) {
  return Math.min(Math.max(high, from), Math.max(Math.min(low, from), from + step));
}

/**
 * What the pictures of a strip stand for: the middle of each is under the handle that would give it.
 *
 * @param {[number, number]} limits
 * @param {number} count
 */
export function stripValues([low, high], count) {
  return Array.from({ length: count }, (_, k) => low + ((high - low) * (k + 0.5)) / count);
}
