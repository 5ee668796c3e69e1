// Which trials are shown: brushes, cells of the matrix, the Pareto front, the order of a table.

import { isNumber } from "./axes.js";

/** @import { Axis, Bin, Brushes, Cell, Measure, Trial, Value } from "./types.js" */

/**
 * Whether each trial lies within every brush.
 *
 * @param {Trial[]} trials
 * @param {Axis[]} axes
 * @param {Brushes} brushes
 */
export function keptOf(trials, axes, brushes) {
  const brushed = axes.filter(({ id }) => brushes.has(id));
  return trials.map((trial) =>
    brushed.every((axis) => {
      const [from, to] = brushes.get(axis.id) ?? [0, 1];
      const at = axis.place(axis.of(trial));
      return at !== null && at >= from - 1e-9 && at <= to + 1e-9;
    }),
  );
}

/**
 * What is small where a number is good: its distance from a target, itself, or itself turned round.
 *
 * @param {number} value
 * @param {Pick<Measure, "direction"> & { target?: number | null }} measure
 */
export function costOf(value, { direction, target }) {
  if (typeof target === "number") return Math.abs(value - target);
  return direction === "max" ? -value : value;
}

/**
 * Compares two values, the better one first; what is none comes last.
 *
 * @param {unknown} a
 * @param {unknown} b
 * @param {Measure["direction"]} direction
 * @param {number | null} [target] what is best near it
 */
export function compare(a, b, direction, target) {
  if (!isNumber(a) || !isNumber(b)) return Number(isNumber(b)) - Number(isNumber(a));
  return costOf(a, { direction, target }) - costOf(b, { direction, target });
}

/**
 * Trials by the goal, the best first; those without its number by how far they are.
 *
 * @param {number[]} among
 * @param {Trial[]} trials
 * @param {Measure | undefined} goal
 */
export function byGoal(among, trials, goal) {
  const value = (/** @type {number} */ i) => (goal ? trials[i].numbers[goal.name] : null);
  return [...among].sort(
    (a, b) =>
      compare(value(a), value(b), goal?.direction ?? "min", goal?.target) ||
      trials[b].progress - trials[a].progress ||
      trials[a].number - trials[b].number,
  );
}

/**
 * The cells of a matrix, row by row.
 *
 * @param {Trial[]} trials
 * @param {{ axis: Axis, bins: Bin[] }} columns
 * @param {{ axis: Axis, bins: Bin[] } | null} rows
 * @param {boolean[]} kept
 * @param {Measure | undefined} goal
 * @param {string} picture which one is shown
 * @returns {Cell[][]}
 */
export function cellsOf(trials, columns, rows, kept, goal, picture) {
  const every = [...trials.keys()];
  const inBin = (/** @type {Axis} */ axis, /** @type {Bin} */ bin, /** @type {number[]} */ among) =>
    among.filter((i) => bin.has(axis.of(trials[i])));
  const lines = rows ? rows.bins.map((bin) => inBin(rows.axis, bin, every)) : [every];
  return lines.map((line) =>
    columns.bins.map((bin) => cellOf(trials, inBin(columns.axis, bin, line), kept, goal, picture)),
  );
}

/**
 * @param {Trial[]} trials
 * @param {number[]} here
 * @param {boolean[]} kept
 * @param {Measure | undefined} goal
 * @param {string} picture
 * @returns {Cell}
 */
function cellOf(trials, here, kept, goal, picture) {
  const inside = here.filter((i) => kept[i]);
  const among = inside.length ? inside : here;
  const ordered = byGoal(among, trials, goal);
  // what has a picture stands for the cell, even while better ones are still to come
  const shown = ordered.find((i) => trials[i].pictures[picture]) ?? ordered[0] ?? -1;
  const words = shown < 0 ? "no trial here" : trials[shown].pictures[picture] ? "" : waitsFor(trials[shown]);
  return { shown, count: here.length, kept: inside.length, words };
}

/**
 * What a trial without a picture waits for, or why it has none.
 *
 * @param {Trial} trial
 */
export function waitsFor({ state, progress, why }) {
  if (state === "training") return `training ${Math.round(100 * progress)} %`;
  if (state === "failed") return why ? `failed: ${why}` : "failed";
  if (state === "waiting" || state === "measuring") return state;
  return `${state}, no picture`;
}

/**
 * How a trial stands, in words.
 *
 * @param {Trial} trial
 */
export function stateWords(trial) {
  const { state, why } = trial;
  if (state === "training" || state === "failed") return waitsFor(trial);
  return why ? `${state}: ${why}` : state;
}

/**
 * Points that no other is at least as good as in both, ascending by x.
 *
 * @param {{ x: number, y: number, i: number }[]} points
 * @param {"min" | "max"} across
 * @param {"min" | "max"} up
 * @returns {number[]} their `i`
 */
export function frontOf(points, across, up) {
  const sign = { min: 1, max: -1 };
  const sorted = [...points].sort(
    (a, b) => sign[across] * (a.x - b.x) || sign[up] * (a.y - b.y) || a.i - b.i,
  );
  let best = Number.POSITIVE_INFINITY;
  const front = sorted.filter(({ y }) => {
    const better = sign[up] * y < best;
    if (better) best = sign[up] * y;
    return better;
  });
  return front.sort((a, b) => a.x - b.x).map(({ i }) => i);
}

/**
 * Trials in a table's order; what has no value comes last either way.
 *
 * @param {Trial[]} trials
 * @param {(trial: Trial) => Value} of
 * @param {boolean} down whether the largest comes first
 */
export function sorted(trials, of, down) {
  const way = down ? -1 : 1;
  return [...trials.keys()].sort((a, b) => {
    const [x, y] = [of(trials[a]), of(trials[b])];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || a - b;
    if (isNumber(x) && isNumber(y)) return way * (x - y) || a - b;
    return way * String(x).localeCompare(String(y)) || a - b;
  });
}
