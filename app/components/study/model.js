// What all views of a study share: its trials and axes, the cursor, the brushes and the chosen trial.

import { axesOf, binsOf, isNumber } from "./axes.js";
import { byGoal, keptOf } from "./choosing.js";

/** @import { Axis, Brushes, StudyData, Trial, View } from "./types.js" */

export const PICTURES = ["reconstruction", "sample", "traversal"];

export class Model {
  /** @type {StudyData} */
  data = {
    ...{ name: "", fields: [], goals: [], numbers: [], trials: [], best: null, asks: {}, height: "" },
    palette: { categorical: [], viridis: [], mark: "", faded: "", none: "" },
  };
  /** @type {Axis[]} */
  axes = [];
  /** @type {Brushes} */
  brushes = new Map();
  /** @type {boolean[]} */
  kept = [];
  /** @type {number[]} place of each trial among those that have the goal's number: 0 the best, 1 the worst */
  ranks = [];
  cursor = -1;
  chosen = -1;
  picture = PICTURES[0];
  zoom = 0;
  columns = "";
  rows = "";
  /** @type {View[]} */
  views = [];

  /** @returns {Trial[]} */
  get trials() {
    return this.data.trials;
  }

  get goal() {
    return this.data.goals[0];
  }

  /**
   * Takes newer data; where it is of the same study, the hand stays where it is.
   *
   * @param {StudyData} data
   */
  take(data) {
    const [cursor, chosen] = [this.trials[this.cursor]?.number, this.trials[this.chosen]?.number];
    const same = data.name === this.data.name;
    this.data = data;
    this.axes = axesOf(data);
    const at = (/** @type {number | undefined} */ number) =>
      same && number !== undefined ? data.trials.findIndex((trial) => trial.number === number) : -1;
    this.cursor = at(cursor);
    this.chosen = at(chosen);
    const fields = this.axes.filter(({ field }) => field).map(({ id }) => id);
    if (!same) this.brushes.clear();
    for (const id of this.brushes.keys()) if (!this.axis(id)) this.brushes.delete(id);
    if (!same || !fields.includes(this.columns)) [this.columns, this.rows] = this.sides(fields);
    if (this.rows && !fields.includes(this.rows)) this.rows = "";
    this.kept = keptOf(data.trials, this.axes, this.brushes);
    this.rank();
  }

  /**
   * The fields of columns and rows to begin with: of the first two, that with more values goes across.
   *
   * @param {string[]} fields ids of axes
   * @returns {[string, string]}
   */
  sides([first = "", second = ""]) {
    const [one, two] = [this.axis(first), this.axis(second)];
    if (!one || !two) return [first, second];
    const wide = binsOf(one, this.trials).length >= binsOf(two, this.trials).length;
    return wide ? [first, second] : [second, first];
  }

  rank() {
    const { goal, trials } = this;
    const able = goal ? [...trials.keys()].filter((i) => isNumber(trials[i].numbers[goal.name])) : [];
    this.ranks = trials.map(() => 1);
    byGoal(able, trials, goal).forEach((i, place) => {
      this.ranks[i] = able.length > 1 ? place / (able.length - 1) : 0;
    });
  }

  /** @param {string} id */
  axis(id) {
    return this.axes.find((axis) => axis.id === id);
  }

  /** The trial that the card is of: the chosen one, else the cursor's, else the best. */
  get shown() {
    if (this.chosen >= 0) return this.chosen;
    if (this.cursor >= 0) return this.cursor;
    const best = this.trials.findIndex(({ number }) => number === this.data.best);
    return best >= 0 ? best : this.trials.length ? 0 : -1;
  }

  /** @param {number} i a trial, or -1 */
  point(i) {
    const before = this.cursor;
    if (i === before) return;
    this.cursor = i;
    for (const view of this.views) view.point(before, i);
  }

  /** @param {number} i a trial, -1 for none; that which is chosen is chosen no longer */
  choose(i) {
    this.chosen = i === this.chosen ? -1 : i;
    this.mark();
  }

  /**
   * Keeps the trials between two places along an axis, or all where no range is given.
   *
   * @param {[string, [number, number] | null][]} changes
   */
  brush(changes) {
    for (const [id, range] of changes) {
      if (range) this.brushes.set(id, range);
      else this.brushes.delete(id);
    }
    this.kept = keptOf(this.trials, this.axes, this.brushes);
    this.mark();
  }

  clear() {
    this.chosen = -1;
    this.brush([...this.brushes.keys()].map((id) => [id, null]));
  }

  mark() {
    for (const view of this.views) view.mark();
  }

  /**
   * Moves the cursor among those kept, in an order.
   *
   * @param {number[]} order
   * @param {number} by
   */
  step(order, by) {
    const able = order.filter((i) => this.kept[i]);
    if (!able.length) return;
    const at = able.indexOf(this.cursor);
    this.point(able[at < 0 ? (by > 0 ? 0 : able.length - 1) : (at + by + able.length) % able.length]);
  }
}
