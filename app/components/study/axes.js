// Fields and numbers of a study as axes: scales, ticks and bins. Nothing here touches the page.

import { numberText } from "../shared/numbers.js";

/** @import { Axis, Bin, Field, Measure, StudyData, Trial, Value } from "./types.js" */

const MOST_VALUES = 8; // different numbers that still get a column each
const MOST_BINS = 6;
const STEPS = [1, 2, 5, 10];

/**
 * An axis for each field, then one for each number that any trial has.
 *
 * @param {StudyData} data
 * @returns {Axis[]}
 */
export function axesOf({ fields, numbers, trials }) {
  const known = numbers.filter(({ name }) => trials.some((trial) => isNumber(trial.numbers[name])));
  return [
    ...fields.map((field) => fieldAxis(field, trials)),
    ...known.map((measure) => numberAxis(measure, trials)),
  ];
}

/** @param {unknown} value @returns {value is number} */
export const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** @param {Value} value */
const textOf = (value) => (isNumber(value) ? numberText(value) : value === null ? "–" : String(value));

/** @param {Field} field @param {Trial[]} trials @returns {Axis} */
function fieldAxis(field, trials) {
  const of = (/** @type {Trial} */ trial) => trial.values[field.name] ?? null;
  const own = [...(field.values ?? []), field.low, field.high, ...trials.map(of)].filter(isNumber);
  const { title, unit } = field;
  const id = `field ${field.name}`;
  const common = { id, title, unit, of, field: true, better: /** @type {const} */ (""), text: textOf };
  if (field.kind === "choice") {
    const seen = trials.map(of).filter((value) => value !== null);
    const values = [...new Set([...(field.values ?? []), ...seen])];
    const place = (/** @type {Value} */ value) => {
      const at = value === null ? -1 : values.indexOf(value);
      return at < 0 ? null : (at + 0.5) / values.length;
    };
    return { ...common, kind: "choice", log: false, values, low: 0, high: 1, place };
  }
  const scale = scaleOf(own, field.log);
  return { ...common, kind: "number", values: field.values, ...scale };
}

/** @param {Measure} measure @param {Trial[]} trials @returns {Axis} */
function numberAxis({ name, title, unit, direction, target }, trials) {
  const of = (/** @type {Trial} */ trial) => trial.numbers[name] ?? null;
  const scale = scaleOf(trials.map(of).filter(isNumber), false);
  const id = `number ${name}`;
  return {
    ...{
      id,
      title,
      unit,
      of,
      kind: "number",
      field: false,
      better: typeof target === "number" ? /** @type {const} */ ("") : direction,
    },
    ...{ values: null, text: textOf },
    ...scale,
  };
}

/** @param {number[]} values @param {boolean} log */
function scaleOf(values, log) {
  const logged = log && values.every((value) => value > 0);
  let low = values.length ? Math.min(...values) : 0;
  let high = values.length ? Math.max(...values) : 1;
  if (low === high) [low, high] = logged ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const f = logged ? Math.log : (/** @type {number} */ x) => x;
  const [from, to] = [f(low), f(high)];
  /** @param {Value} value */
  const place = (value) =>
    isNumber(value) && !(logged && value <= 0) ? (f(value) - from) / (to - from) : null;
  return { low, high, log: logged, place };
}

/**
 * Round numbers within a range, ascending.
 *
 * @param {number} low
 * @param {number} high
 * @param {boolean} log
 * @param {number} most how many, about
 */
export function roundNumbers(low, high, log, most) {
  if (log) {
    /** @type {number[]} */
    let found = [];
    for (const steps of [[1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
      found = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
        found.push(...steps.map((step) => Number((step * 10 ** power).toPrecision(12))));
      }
      found = found.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
      if (found.length <= most) break;
    }
    if (found.length >= 2) return found;
  }
  const raw = (high - low) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * (STEPS.find((one) => one * power >= raw * (1 - 1e-9)) ?? 10);
  const from = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - from + 1;
  return Array.from({ length: count }, (_, i) => Number(((from + i) * step).toPrecision(12)));
}

/**
 * What an axis says at which place.
 *
 * @param {Axis} axis
 * @param {number} most
 * @returns {{ at: number, text: string }[]}
 */
export function ticksOf(axis, most) {
  const values =
    axis.kind === "choice" ? (axis.values ?? []) : roundNumbers(axis.low, axis.high, axis.log, most);
  return values.flatMap((value) => {
    const at = axis.place(value);
    return at === null ? [] : [{ at, text: axis.text(value) }];
  });
}

/**
 * The columns or rows that an axis gives a matrix: a value each where they are few, else readable ranges.
 *
 * @param {Axis} axis
 * @param {Trial[]} trials
 * @returns {Bin[]}
 */
export function binsOf(axis, trials) {
  const same = (/** @type {Value} */ one) => ({
    label: axis.text(one),
    has: (/** @type {Value} */ value) => value === one,
  });
  if (axis.kind === "choice") return (axis.values ?? []).map(same);
  const found = [...(axis.values ?? []), ...trials.map(axis.of)].filter(isNumber);
  const values = [...new Set(found)].sort((a, b) => a - b);
  if (values.length <= (axis.values ? 2 * MOST_VALUES : MOST_VALUES)) return values.map(same);
  const whole = values.every(Number.isInteger);
  const inner = roundNumbers(axis.low, axis.high, axis.log, MOST_BINS).map((edge) =>
    whole ? Math.round(edge) : edge,
  );
  const edges = [...new Set([axis.low, ...inner, axis.high])].sort((a, b) => a - b);
  return rangesOf(thinned(edges, axis), whole, axis);
}

/**
 * Without the first or last round number, where hardly anything lies between it and the end.
 *
 * @param {number[]} edges
 * @param {Axis} axis
 */
function thinned(edges, axis) {
  const at = (/** @type {number} */ i) => axis.place(edges[i]) ?? 0;
  const last = edges.length - 1;
  const least = (at(last) - at(0)) / (2 * MOST_BINS);
  return edges.filter((_, i) => i === 0 || i === last || (at(i) - at(0) > least && at(last) - at(i) > least));
}

/** @param {number[]} edges @param {boolean} whole @param {Axis} axis @returns {Bin[]} */
function rangesOf(edges, whole, axis) {
  return edges.slice(1).map((to, i) => {
    const from = edges[i];
    const last = i === edges.length - 2;
    const has = (/** @type {Value} */ value) =>
      isNumber(value) && value >= from && (last ? value <= to : value < to);
    const top = whole && !last ? to - 1 : to;
    const label = from === top ? axis.text(from) : `${axis.text(from)}–${axis.text(top)}`;
    return { label, has };
  });
}
