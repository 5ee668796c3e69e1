// Parallel coordinates: an axis for each field and number, a line for each trial. A drag along an axis keeps
// the trials that pass there.

import { makeSvg } from "../shared/dom.js";
import { ticksOf } from "./axes.js";
import { fitted, label, Marks, nameOf, nearest, pathOf, placeIn, roomOf } from "./strokes.js";

/** @import { Axis } from "./types.js" */
/** @import { Model } from "./model.js" */
/** @import { View } from "./types.js" */
/** @import { Point, Room } from "./strokes.js" */

const MOST_NUMBERS = 3; // of the goals' and other numbers, beside all fields
const REACH = 16; // pixels from an axis at which a drag brushes it
const CLICK = 4; // pixels within which a press is no drag

/** @implements {View} */
export class Parallel {
  /** @type {Axis[]} */
  axes = [];
  /** @type {Point[][]} */
  lines = [];
  /** @type {Room} */
  room = { left: 0, right: 1, top: 0, bottom: 1, width: 1, height: 1 };
  /** @type {{ axis: Axis | null, from: Point } | null} */
  pressed = null;

  /** @param {SVGSVGElement} svg @param {Model} model */
  constructor(svg, model) {
    this.svg = svg;
    this.model = model;
    this.marks = new Marks(model);
    svg.onpointermove = (event) => this.moved(event);
    svg.onpointerleave = () => this.pressed || model.point(-1);
    svg.onpointerdown = (event) => this.down(event);
    svg.onpointerup = (event) => this.up(event);
    svg.onpointercancel = () => {
      this.pressed = null;
    };
  }

  draw() {
    const { model, svg } = this;
    const numbers = model.axes.filter(({ field }) => !field).slice(0, MOST_NUMBERS);
    this.axes = [...model.axes.filter(({ field }) => field), ...numbers];
    this.room = roomOf(svg, { left: 34, right: 34, top: 34, bottom: 12 });
    const { top, bottom } = this.room;
    this.lines = model.trials.map((trial) =>
      this.axes.flatMap((axis, k) => {
        const at = axis.place(axis.of(trial));
        return at === null ? [] : [{ x: this.across(k), y: bottom - at * (bottom - top) }];
      }),
    );
    const lines = makeSvg("g", { class: "lines" });
    this.marks.draw(lines, (i) => makeSvg("path", { d: pathOf(this.lines[i]) }));
    const axes = this.axes.map((axis, k) => this.axis(axis, k));
    this.brushes = makeSvg("g", { class: "brushes" });
    svg.replaceChildren(lines, ...axes, this.brushes);
    this.mark();
  }

  /** @param {number} k an axis' place */
  across(k) {
    const { left, right } = this.room;
    return this.axes.length > 1 ? left + (k * (right - left)) / (this.axes.length - 1) : (left + right) / 2;
  }

  /** @param {Axis} axis @param {number} k */
  axis(axis, k) {
    const { top, bottom, left, right } = this.room;
    const x = this.across(k);
    const wide = (right - left) / Math.max(1, this.axes.length - 1);
    const anchor = k === 0 ? "start" : k === this.axes.length - 1 ? "end" : "middle";
    const edge = k === 0 ? 2 : k === this.axes.length - 1 ? this.room.width - 2 : x;
    const title = makeSvg("title", {}, nameOf(axis));
    const name = label(edge, k % 2 ? 24 : 12, fitted(nameOf(axis), wide * 1.6), { "text-anchor": anchor });
    name.append(title);
    const ticks = ticksOf(axis, 6).flatMap(({ at, text }) => {
      const y = bottom - at * (bottom - top);
      const last = k === this.axes.length - 1;
      const place = { class: "tick", "text-anchor": last ? "end" : "start" };
      return [label(x + (last ? -5 : 5), y + 4, fitted(text, wide - 10), place)];
    });
    const bands = axis.kind === "choice" ? this.bands(axis, x) : [];
    const line = makeSvg("line", { class: "axis", x1: x, x2: x, y1: top, y2: bottom });
    const group = makeSvg("g", { class: "coordinate" }, ...bands, line, name, ...ticks);
    group.dataset.axis = axis.id;
    return group;
  }

  /** @param {Axis} axis @param {number} x */
  bands(axis, x) {
    const { top, bottom } = this.room;
    const count = axis.values?.length || 1;
    const high = (bottom - top) / count;
    return Array.from({ length: count }, (_, i) =>
      makeSvg("rect", {
        class: "band",
        x: x - 5,
        y: top + i * high + 2,
        width: 10,
        height: Math.max(1, high - 4),
      }),
    );
  }

  /** @param {number} before @param {number} now */
  point(before, now) {
    this.marks.point(before, now);
  }

  mark() {
    this.marks.mark();
    const { top, bottom } = this.room;
    const boxes = this.axes.flatMap((axis, k) => {
      const range = this.model.brushes.get(axis.id);
      if (!range) return [];
      const [from, to] = range;
      const y = bottom - to * (bottom - top);
      const height = Math.max(2, (to - from) * (bottom - top));
      return [makeSvg("rect", { class: "brush", x: this.across(k) - 9, y, width: 18, height })];
    });
    this.brushes?.replaceChildren(...boxes);
  }

  /** @param {Point} at */
  axisAt(at) {
    const k = this.axes.findIndex((_, i) => Math.abs(this.across(i) - at.x) <= REACH);
    return this.axes[k] ?? null;
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button) return;
    const from = placeIn(this.svg, event);
    this.pressed = { axis: this.axisAt(from), from };
    this.svg.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const at = placeIn(this.svg, event);
    const { pressed, model } = this;
    if (!pressed) {
      this.svg.classList.toggle("brushing", this.axisAt(at) !== null);
      model.point(nearest(at, this.lines, model.kept));
    } else if (pressed.axis && Math.abs(at.y - pressed.from.y) > CLICK) {
      model.brush([[pressed.axis.id, this.range(pressed.from.y, at.y)]]);
    }
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { pressed, model } = this;
    this.pressed = null;
    if (!pressed) return;
    const at = placeIn(this.svg, event);
    if (Math.hypot(at.x - pressed.from.x, at.y - pressed.from.y) > CLICK) return;
    // a press on a brushed axis takes its brush away
    if (pressed.axis && model.brushes.has(pressed.axis.id)) model.brush([[pressed.axis.id, null]]);
    else model.choose(nearest(at, this.lines, model.kept));
  }

  /** @param {number} a @param {number} b @returns {[number, number]} */
  range(a, b) {
    const { top, bottom } = this.room;
    const place = (/** @type {number} */ y) => Math.min(1, Math.max(0, (bottom - y) / (bottom - top)));
    return [Math.min(place(a), place(b)), Math.max(place(a), place(b))];
  }
}
