// A study: its picture matrix, four charts and the card of one trial, under one cursor and one selection. All
// of it is worked out here; a rerun of the script only hands over newer data.

import { count, findAll, finder, make, press } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { Card } from "./card.js";
import { waitsFor } from "./choosing.js";
import { Curves } from "./curves.js";
import { Matrix, MOST_ZOOM } from "./matrix.js";
import { Model, PICTURES } from "./model.js";
import { Parallel } from "./parallel.js";
import { Scatter } from "./scatter.js";
import { nameOf } from "./strokes.js";
import { Table } from "./table.js";

/** @import { Component, Page } from "../shared/types.js" */
/** @import { StudyData, Trial, View } from "./types.js" */

const TABS = ["parallel", "scatter", "curves", "table"];
const PICTURE_KEYS = new Map([
  ["r", PICTURES[0]],
  ["s", PICTURES[1]],
  ["t", PICTURES[2]],
]);
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Study {
  /** @type {Page | null} */
  page = null;
  shown = "";
  tab = TABS[0];
  asked = 0;
  resizing = 0;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.box = this.at(".study");
    this.model = new Model();
    const { at, model } = this;
    this.matrix = new Matrix(at(".grid"), model);
    this.table = new Table(at("table", HTMLTableElement), model);
    /** @type {Record<string, View>} */
    this.charts = {
      parallel: new Parallel(at("[data-tab=parallel] svg", SVGSVGElement), model),
      scatter: new Scatter(at("[data-tab=scatter] svg", SVGSVGElement), model),
      curves: new Curves(at("[data-tab=curves] svg", SVGSVGElement), model),
      table: this.table,
    };
    this.card = new Card(at(".card"), model, (what, trial) => this.ask(what, trial));
    this.box.onkeydown = (event) => this.key(event);
    this.tabs = findAll(this.box, "[role=tab]");
    for (const tab of this.tabs) tab.onclick = () => this.open(tab.dataset.opens ?? TABS[0]);
    this.pictures = findAll(this.box, "[data-picture]");
    for (const one of this.pictures) one.onclick = () => this.picture(one.dataset.picture ?? PICTURES[0]);
    this.at(".nearer").onclick = () => this.zoom(1);
    this.at(".farther").onclick = () => this.zoom(-1);
    this.at(".clear").onclick = () => model.clear();
    this.selects();
    model.views = [this.matrix, this.charts[this.tab], this.card, this];
    // in the next frame: what is drawn anew may bring a scrollbar, and change the size that is watched
    this.size = new ResizeObserver(() => {
      cancelAnimationFrame(this.resizing);
      this.resizing = requestAnimationFrame(() => this.resized());
    });
    this.size.observe(this.at(".pane"));
    this.size.observe(this.at(".charts"));
  }

  stop() {
    cancelAnimationFrame(this.resizing);
    this.size.disconnect();
  }

  selects() {
    const { model } = this;
    const scatter = /** @type {Scatter} */ (this.charts.scatter);
    const changed = (/** @type {string} */ name, /** @type {(value: string) => void} */ take) => {
      const select = this.at(`select[name=${name}]`, HTMLSelectElement);
      select.onchange = () => take(select.value);
    };
    changed("columns", (value) => {
      if (value === model.rows) model.rows = model.columns;
      model.columns = value;
      this.fields();
      this.matrix.draw();
    });
    changed("rows", (value) => {
      if (value && value === model.columns) model.columns = model.rows || model.columns;
      model.rows = value === model.columns ? "" : value;
      this.fields();
      this.matrix.draw();
    });
    changed("x", (value) => {
      scatter.x = value;
      scatter.draw();
    });
    changed("y", (value) => {
      scatter.y = value;
      scatter.draw();
    });
  }

  /** @param {StudyData} data @param {Page} page */
  show(data, page) {
    this.page = page;
    const shown = JSON.stringify(data);
    if (shown === this.shown) return; // the hand stays where it is
    this.shown = shown;
    const other = data.name !== this.model.data.name;
    this.model.take(data);
    this.box.style.setProperty("--height", data.height);
    this.box.style.setProperty("--line", data.palette.categorical[0]);
    if (other) this.table.chosen = false;
    this.fields();
    this.picture(this.model.picture);
    this.drawAll();
    count(this.box, "shown");
  }

  drawAll() {
    this.matrix.draw();
    this.charts[this.tab].draw();
    this.card.draw();
    this.say();
  }

  resized() {
    this.matrix.size();
    this.charts[this.tab].draw();
  }

  /** Writes what may be chosen for columns, rows and the scatter's axes. */
  fields() {
    const { model } = this;
    const scatter = /** @type {Scatter} */ (this.charts.scatter);
    const fields = model.axes.filter(({ field }) => field);
    const { x, y } = scatter.axes;
    const plain = fields.map((axis) => ({ ...axis, log: false, unit: "" }));
    this.options("columns", plain, model.columns);
    this.options("rows", plain, model.rows, "one row");
    this.options("x", model.axes, x?.id ?? "");
    this.options("y", model.axes, y?.id ?? "");
    this.at(".rows").hidden = fields.length < 2;
  }

  /**
   * @param {string} name
   * @param {import("./types.js").Axis[]} axes
   * @param {string} value
   * @param {string} [none]
   */
  options(name, axes, value, none) {
    const select = this.at(`select[name=${name}]`, HTMLSelectElement);
    const found = axes.map((axis) => make("option", { value: axis.id, textContent: nameOf(axis) }));
    if (none) found.push(make("option", { value: "", textContent: none }));
    select.replaceChildren(...found);
    select.value = value;
  }

  /** @param {string} name */
  open(name) {
    const { model } = this;
    this.tab = name;
    for (const tab of this.tabs) {
      const on = tab.dataset.opens === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    }
    for (const pane of findAll(this.box, "[data-tab]")) pane.hidden = pane.dataset.tab !== name;
    model.views = [this.matrix, this.charts[name], this.card, this];
    this.charts[name].draw();
    this.box.dataset.open = name;
  }

  /** @param {string} name */
  picture(name) {
    this.model.picture = name;
    for (const one of this.pictures) press(one, one.dataset.picture === name);
    this.matrix.draw();
  }

  /** @param {number} by */
  zoom(by) {
    const { model } = this;
    model.zoom = Math.min(MOST_ZOOM, Math.max(0, model.zoom + by));
    this.at(".nearer", HTMLButtonElement).disabled = model.zoom === MOST_ZOOM;
    this.at(".farther", HTMLButtonElement).disabled = model.zoom === 0;
    this.matrix.draw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("select, input")) return;
    if (!this.pressed(event.key, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /**
   * Does what a key asks for; whether there was anything.
   *
   * @param {string} key
   * @param {Element | null} target
   */
  pressed(key, target) {
    const { model } = this;
    const way = ARROWS[key];
    const tab = TABS[Number(key) - 1];
    const picture = PICTURE_KEYS.get(key.toLowerCase());
    if (way && target?.getAttribute("role") === "tab") {
      const at = (TABS.indexOf(this.tab) + way[0] + way[1] + TABS.length) % TABS.length;
      this.open(TABS[at]);
      this.tabs[at].focus();
    } else if (way && target?.closest(".right")) {
      model.step(this.table.steps, way[0] + way[1]);
      this.table.reveal(model.cursor);
    } else if (way) this.matrix.move(...way);
    else if (tab) this.open(tab);
    else if (picture) this.picture(picture);
    else if (key === "+" || key === "=") this.zoom(1);
    else if (key === "-") this.zoom(-1);
    else if (key === "Escape") model.clear();
    else if ((key === "Enter" || key === " ") && !target?.closest("button")) {
      if (model.cursor >= 0) model.choose(model.cursor);
    } else return false;
    return true;
  }

  /** @param {string} what @param {Trial} trial */
  ask(what, trial) {
    this.asked += 1;
    this.page?.setTriggerValue("asked", { what, trial: trial.number, run: trial.run, count: this.asked });
  }

  // ---------------------------------------------------------------- as a view of its own: what is said

  draw() {
    this.say();
  }

  point() {
    this.say();
    count(this.box, "moves");
  }

  mark() {
    this.say();
    count(this.box, "marks");
  }

  say() {
    const { model } = this;
    const kept = model.kept.filter(Boolean).length;
    const trial = model.trials[model.cursor];
    const all = model.trials.length;
    this.at(".kept").textContent = model.brushes.size ? `${kept} of ${all} trials` : `${all} trials`;
    this.at(".clear").hidden = !model.brushes.size && model.chosen < 0;
    const values = model.axes.flatMap((axis) => {
      const value = trial ? axis.of(trial) : null;
      return value === null ? [] : [`${axis.title} ${axis.text(value)}`];
    });
    const state = trial && !["finished", "pruned"].includes(trial.state) ? [waitsFor(trial)] : [];
    const said = trial ? [`trial ${trial.number}`, ...state, ...values].join(" · ") : "";
    this.at(".said").textContent = said;
    this.at(".said").title = said;
    this.box.dataset.cursor = trial ? String(trial.number) : "";
    this.box.dataset.kept = String(kept);
    this.box.dataset.chosen = model.chosen >= 0 ? String(model.trials[model.chosen].number) : "";
  }
}

export default mounted(
  (root) => new Study(root),
  (study, /** @type {Component<StudyData>} */ component) => study.show(component.data, component),
);
