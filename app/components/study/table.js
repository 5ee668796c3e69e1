// All trials as a table that is sorted by a press on a column's name.

import { make } from "../shared/dom.js";
import { compare, sorted, stateWords } from "./choosing.js";
import { nameOf } from "./strokes.js";

/** @import { Model } from "./model.js" */
/** @import { Axis, Trial, Value, View } from "./types.js" */

/**
 * @typedef {{ id: string, title: string, of: (trial: Trial) => Value, text: (trial: Trial) => string,
 *   down: boolean }} Column
 */

/** @implements {View} */
export class Table {
  by = "number";
  down = false;
  chosen = false; // whether a hand chose the order
  /** @type {number[]} */
  order = [];
  /** @type {HTMLTableRowElement[]} by trial */
  rows = [];

  /** @param {HTMLTableElement} table @param {Model} model */
  constructor(table, model) {
    this.table = table;
    this.model = model;
    table.onpointerover = (event) => {
      const i = this.at(event);
      if (i >= 0) model.point(i);
    };
    table.onpointerleave = () => model.point(-1);
    table.onclick = (event) => {
      const i = this.at(event);
      if (i >= 0) model.choose(i);
    };
  }

  /** @returns {Column[]} */
  get columns() {
    const axes = this.model.axes.map((/** @type {Axis} */ axis) => ({
      ...{ id: axis.id, title: nameOf({ ...axis, log: false }), of: axis.of, down: axis.better === "max" },
      text: (/** @type {Trial} */ trial) => axis.text(axis.of(trial)),
    }));
    const state = (/** @type {Trial} */ trial) => stateWords(trial);
    return [
      {
        id: "number",
        title: "trial",
        of: ({ number }) => number,
        text: ({ number }) => String(number),
        down: false,
      },
      ...axes,
      { id: "state", title: "state", of: state, text: state, down: false },
    ];
  }

  draw() {
    const { columns, model } = this;
    // the best stands first until a hand says otherwise
    if (!this.chosen && model.goal && model.axis(`number ${model.goal.name}`)) {
      this.by = `number ${model.goal.name}`;
      this.down = model.goal.direction === "max";
    }
    const by = columns.find(({ id }) => id === this.by) ?? columns[0];
    this.order = sorted(model.trials, by.of, this.down);
    const heads = columns.map((column) => {
      const button = make("button", { type: "button", textContent: column.title });
      button.onclick = () => this.sort(column);
      const sort = column.id !== by.id ? "none" : this.down ? "descending" : "ascending";
      return make("th", { scope: "col", "aria-sort": sort }, button);
    });
    this.rows = [];
    for (const [i, trial] of model.trials.entries()) {
      const cells = columns.map(({ text }) => make("td", {}, text(trial)));
      const row = make("tr", { className: trial.state }, ...cells);
      row.dataset.at = String(i);
      row.dataset.trial = String(trial.number);
      this.rows[i] = row;
    }
    const body = make("tbody", {}, ...this.order.map((i) => this.rows[i]));
    this.table.replaceChildren(make("thead", {}, make("tr", {}, ...heads)), body);
    this.mark();
    this.point(-1, model.cursor);
  }

  /** @param {Column} column */
  sort({ id, down }) {
    this.down = id === this.by ? !this.down : down;
    this.by = id;
    this.chosen = true;
    this.draw();
  }

  /** Trials as keys go through them. */
  get steps() {
    const { model } = this;
    if (this.order.length === model.trials.length) return this.order;
    const value = (/** @type {number} */ i) => model.trials[i].numbers[model.goal?.name ?? ""];
    return [...model.trials.keys()].sort((a, b) =>
      compare(value(a), value(b), model.goal?.direction ?? "min", model.goal?.target),
    );
  }

  /** @param {Event} event @returns {number} the trial, or -1 */
  at(event) {
    const row = event.target instanceof Element ? event.target.closest("tr[data-at]") : null;
    return row instanceof HTMLElement ? Number(row.dataset.at) : -1;
  }

  /** @param {number} before @param {number} now */
  point(before, now) {
    this.rows[before]?.classList.remove("here");
    const row = this.rows[now];
    row?.classList.add("here");
  }

  /** Scrolls to a trial's row, for keys. @param {number} i */
  reveal(i) {
    const [row, pane] = [this.rows[i], this.table.parentElement];
    if (!row || !pane) return;
    const [inner, outer] = [row.getBoundingClientRect(), pane.getBoundingClientRect()];
    if (inner.top < outer.top + 30) pane.scrollTop -= outer.top + 30 - inner.top;
    else if (inner.bottom > outer.bottom) pane.scrollTop += inner.bottom - outer.bottom;
  }

  mark() {
    const { kept, chosen } = this.model;
    for (const [i, row] of this.rows.entries()) {
      row.classList.toggle("out", !kept[i]);
      row.classList.toggle("chosen", i === chosen);
      row.setAttribute("aria-selected", String(i === chosen));
    }
  }
}
