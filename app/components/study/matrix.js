// The picture matrix: columns, or a grid, of fields' values; each cell is the best trial's picture there.

import { findAll, make } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { binsOf, isNumber } from "./axes.js";
import { cellsOf } from "./choosing.js";
import { fill, pictureBox, ratioOf } from "./picture.js";
import { nameOf } from "./strokes.js";

/** @import { Model } from "./model.js" */
/** @import { Axis, Bin, Cell, View } from "./types.js" */

const LEAST = 44; // pixels along a cell before the matrix scrolls
const ENLARGED = [0, 0, 150, 256]; // pixels along a cell at each zoom; 0 fits the room
const HEAD = { wide: 74, high: 24 }; // pixels of the rows' and columns' names
const GAP = 4;
export const MOST_ZOOM = ENLARGED.length - 1;

/** @typedef {{ box: HTMLElement, sheet: HTMLElement, words: HTMLElement, badge: HTMLElement }} Shown */

/** @implements {View} */
export class Matrix {
  laid = "";
  /** @type {Shown[]} row by row */
  shown = [];
  /** @type {Cell[]} row by row */
  cells = [];
  across = 1;
  focus = -1; // the cell that keys go from
  /** @type {Map<number, number>} cell by trial */
  places = new Map();

  /** @param {HTMLElement} grid @param {Model} model */
  constructor(grid, model) {
    this.grid = grid;
    this.model = model;
    grid.onpointerover = (event) => this.over(event);
    grid.onpointerleave = () => model.point(-1);
    grid.onclick = (event) => this.clicked(event);
  }

  /** Fields that make columns and rows, with the values that each has. */
  sides() {
    const { model } = this;
    const side = (/** @type {string} */ id) => {
      const axis = model.axis(id);
      return axis ? { axis, bins: binsOf(axis, model.trials) } : null;
    };
    const rows = model.rows === model.columns ? null : side(model.rows);
    return { columns: side(model.columns), rows: rows?.bins.length ? rows : null };
  }

  draw() {
    const { columns, rows } = this.sides();
    if (!columns?.bins.length) {
      this.laid = "";
      this.grid.replaceChildren();
      [this.cells, this.shown] = [[], []];
      return;
    }
    const names = [columns.axis.id, rows?.axis.id, columns.bins.map(labelOf), rows?.bins.map(labelOf)];
    const laid = JSON.stringify(names);
    if (laid !== this.laid) this.lay(columns, rows);
    this.laid = laid;
    this.write();
  }

  /**
   * Makes the cells anew.
   *
   * @param {{ axis: Axis, bins: Bin[] }} columns
   * @param {{ axis: Axis, bins: Bin[] } | null} rows
   */
  lay(columns, rows) {
    this.across = columns.bins.length;
    this.shown = [];
    this.focus = -1;
    const corner = make("span", { className: "corner", role: "presentation" });
    const heads = columns.bins.map((bin, k) => this.head(columns.axis, bin, k, "columnheader"));
    const lines = (rows?.bins ?? [null]).map((bin, r) => {
      const head =
        bin && rows ? this.head(rows.axis, bin, r, "rowheader") : make("span", { role: "presentation" });
      const cells = columns.bins.map((_, k) => this.cell(r * this.across + k));
      return make("div", { role: "row" }, head, ...cells);
    });
    this.grid.replaceChildren(make("div", { role: "row" }, corner, ...heads), ...lines);
    const words = rows ? `${nameOf(columns.axis)} → · ${nameOf(rows.axis)} ↓` : `${nameOf(columns.axis)} →`;
    this.grid.setAttribute("aria-label", `pictures by ${words}`);
    this.grid.style.setProperty("--across", String(this.across));
  }

  /** @param {Axis} axis @param {Bin} bin @param {number} k @param {string} role */
  head(axis, bin, k, role) {
    const title = `Keep the trials at ${axis.title} ${bin.label}`;
    const button = make("button", { type: "button", textContent: bin.label, title, tabIndex: -1 });
    button.onclick = () => this.keep(axis, k);
    return make("span", { role, className: "head" }, button);
  }

  /**
   * Keeps the trials of a column or row, or lets go of it.
   *
   * @param {Axis} axis
   * @param {number} k
   */
  keep(axis, k) {
    const { model } = this;
    const bin = binsOf(axis, model.trials)[k];
    const places = model.trials.map(axis.of).filter(bin.has).map(axis.place).filter(isNumber);
    if (!places.length) return;
    /** @type {[number, number]} */
    const range = [Math.min(...places), Math.max(...places)];
    const same = model.brushes.get(axis.id)?.join() === range.join();
    model.brush([[axis.id, same ? null : range]]);
  }

  /** @param {number} i */
  cell(i) {
    const sheet = pictureBox();
    const [words, badge] = [make("span", { className: "words" }), make("span", { className: "badge" })];
    const box = make(
      "div",
      { className: "cell", role: "gridcell", id: `study-cell-${i}` },
      sheet,
      words,
      badge,
    );
    box.dataset.cell = String(i);
    this.shown.push({ box, sheet, words, badge });
    return box;
  }

  /** What the cells show, and how large they are. */
  write() {
    const { model } = this;
    const { columns, rows } = this.sides();
    if (!columns) return;
    this.cells = cellsOf(model.trials, columns, rows, model.kept, model.goal, model.picture).flat();
    this.places = new Map(this.cells.flatMap(({ shown }, i) => (shown < 0 ? [] : [[shown, i]])));
    for (const [i, cell] of this.cells.entries()) {
      /** @type {[{ axis: Axis, bins: Bin[] }, number][]} */
      const names = [[columns, i % this.across]];
      if (rows) names.push([rows, Math.floor(i / this.across)]);
      const where = names.map(([{ axis, bins }, k]) => `${axis.title} ${bins[k].label}`).join(", ");
      this.writeCell(i, cell, where);
    }
    this.size();
    this.point(-1, model.cursor);
  }

  /** @param {number} i @param {Cell} cell @param {string} where */
  writeCell(i, cell, where) {
    const { model } = this;
    const { box, sheet, words, badge } = this.shown[i];
    const trial = model.trials[cell.shown];
    const picture = trial?.pictures[model.picture] ?? null;
    const several = cell.count > 1 ? `best of ${cell.kept || cell.count}` : "";
    box.dataset.trial = trial ? String(trial.number) : "";
    box.classList.toggle("empty", !picture);
    box.classList.toggle("out", cell.count > 0 && !cell.kept);
    box.classList.toggle("chosen", cell.shown >= 0 && cell.shown === model.chosen);
    box.classList.toggle("pruned", trial?.state === "pruned");
    box.classList.toggle("best", !!trial && trial.number === model.data.best);
    sheet.hidden = !picture;
    if (picture) fill(sheet, picture, model.zoom > 0, "");
    words.textContent = cell.words;
    badge.textContent = cell.count > 1 ? String(cell.kept || cell.count) : "";
    badge.title = several;
    const goal = model.goal;
    const value = goal && trial ? trial.numbers[goal.name] : null;
    const number = goal && isNumber(value) ? `${goal.title} ${numberText(value)}` : "";
    const said = [where, cell.words, trial ? `trial ${trial.number}` : "", several, number].filter(Boolean);
    box.setAttribute("aria-label", said.join(", "));
    box.title = said.slice(1).join(", ");
  }

  /** Fits the cells into the room, or gives them the size that was zoomed to. */
  size() {
    const { model, grid } = this;
    const sample = model.trials.map(({ pictures }) => pictures[model.picture]).find((found) => found);
    const ratio = sample ? ratioOf(sample, model.zoom > 0) : 1;
    const rows = Math.max(1, this.shown.length / this.across);
    const box = /** @type {HTMLElement} */ (grid.parentElement);
    const wide = (box.clientWidth - HEAD.wide - GAP) / this.across - GAP;
    const high = (box.clientHeight - HEAD.high - GAP) / rows - GAP;
    const least = LEAST * Math.max(1, ratio);
    const fit = Math.max(least, Math.min(wide, high * ratio));
    const width = ENLARGED[model.zoom] ? Math.max(fit, ENLARGED[model.zoom] * Math.max(1, ratio / 2)) : fit;
    grid.style.setProperty("--cell", `${Math.floor(width)}px`);
    grid.style.setProperty("--ratio", String(ratio));
  }

  /** @param {Event} event @returns {number} the cell, or -1 */
  at(event) {
    const box = event.target instanceof Element ? event.target.closest(".cell") : null;
    return box instanceof HTMLElement ? Number(box.dataset.cell) : -1;
  }

  /** @param {Event} event */
  over(event) {
    const cell = this.at(event);
    if (cell >= 0) this.model.point(this.cells[cell].shown);
  }

  /** @param {Event} event */
  clicked(event) {
    const cell = this.at(event);
    if (cell < 0) return;
    this.go(cell, false);
    if (this.cells[cell].shown >= 0) this.model.choose(this.cells[cell].shown);
  }

  /**
   * Moves the cursor by a key, a cell at a time.
   *
   * @param {number} right
   * @param {number} down
   */
  move(right, down) {
    if (!this.cells.length) return;
    const from = this.focus >= 0 ? this.focus : (this.places.get(this.model.shown) ?? -1);
    if (from < 0) return this.go(0, true);
    const rows = this.cells.length / this.across;
    const column = Math.min(this.across - 1, Math.max(0, (from % this.across) + right));
    const row = Math.min(rows - 1, Math.max(0, Math.floor(from / this.across) + down));
    this.go(row * this.across + column, true);
  }

  /** @param {number} cell @param {boolean} point whether the cursor goes there as well */
  go(cell, point) {
    this.shown[this.focus]?.box.classList.remove("focus");
    this.focus = cell;
    const { box } = this.shown[cell];
    box.classList.add("focus");
    this.grid.setAttribute("aria-activedescendant", box.id);
    if (!point) return;
    reveal(box, this.grid); // first: it measures, and what the cursor changes would be laid out for it
    this.model.point(this.cells[cell].shown);
  }

  /** @param {number} before @param {number} now */
  point(before, now) {
    const cells = [this.places.get(before), this.places.get(now)];
    if (cells[0] !== undefined) this.shown[cells[0]]?.box.classList.remove("here");
    if (now < 0 || before < 0) for (const old of findAll(this.grid, ".here")) old.classList.remove("here");
    if (cells[1] !== undefined) this.shown[cells[1]]?.box.classList.add("here");
  }

  mark() {
    this.write();
  }
}

/** @param {Bin} bin */
const labelOf = ({ label }) => label;

/**
 * Scrolls the matrix alone, never the page, so that a cell is seen.
 *
 * @param {HTMLElement} box
 * @param {HTMLElement} grid
 */
function reveal(box, grid) {
  const pane = /** @type {HTMLElement} */ (grid.parentElement);
  const [inner, outer] = [box.getBoundingClientRect(), pane.getBoundingClientRect()];
  const left = outer.left + HEAD.wide;
  const top = outer.top + HEAD.high;
  if (inner.left < left) pane.scrollLeft -= left - inner.left + GAP;
  else if (inner.right > outer.right) pane.scrollLeft += inner.right - outer.right + GAP;
  if (inner.top < top) pane.scrollTop -= top - inner.top + GAP;
  else if (inner.bottom > outer.bottom) pane.scrollTop += inner.bottom - outer.bottom + GAP;
}
