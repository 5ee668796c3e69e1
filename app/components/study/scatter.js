// Any two values of all trials, with the Pareto front where both have a better way. A drag keeps the trials
// in a box.

import { makeSvg } from "../shared/dom.js";
import { ticksOf } from "./axes.js";
import { frontOf } from "./choosing.js";
import { fitted, label, Marks, nameOf, nearest, pathOf, placeIn, roomOf } from "./strokes.js";

/** @import { Axis } from "./types.js" */
/** @import { Model } from "./model.js" */
/** @import { View } from "./types.js" */
/** @import { Point, Room } from "./strokes.js" */

const CLICK = 4; // pixels within which a press is no drag

/** @implements {View} */
export class Scatter {
  x = "";
  y = "";
  /** @type {Point[][]} */
  points = [];
  /** @type {Room} */
  room = { left: 0, right: 1, top: 0, bottom: 1, width: 1, height: 1 };
  /** @type {Point | null} */
  pressed = null;

  /** @param {SVGSVGElement} svg @param {Model} model */
  constructor(svg, model) {
    this.svg = svg;
    this.model = model;
    this.marks = new Marks(model);
    svg.onpointermove = (event) => this.moved(event);
    svg.onpointerleave = () => this.pressed || model.point(-1);
    svg.onpointerdown = (event) => {
      if (event.button) return;
      this.pressed = placeIn(svg, event);
      svg.setPointerCapture(event.pointerId);
    };
    svg.onpointerup = (event) => this.up(event);
    svg.onpointercancel = () => {
      this.pressed = null;
    };
  }

  /** Both axes; those first shown are the two goals, or the first field and the goal. */
  get axes() {
    const { model } = this;
    const goals = model.data.goals.map(({ name }) => `number ${name}`);
    const first = goals.length > 1 ? goals[0] : (model.axes[0]?.id ?? "");
    this.x = model.axis(this.x) ? this.x : model.axis(first) ? first : (model.axes[0]?.id ?? "");
    const second = goals.length > 1 ? goals[1] : (goals[0] ?? "");
    const rest = model.axes.find(({ id }) => id !== this.x)?.id ?? this.x;
    this.y = model.axis(this.y) ? this.y : model.axis(second) ? second : rest;
    return { x: model.axis(this.x), y: model.axis(this.y) };
  }

  draw() {
    const { svg, model } = this;
    const { x, y } = this.axes;
    svg.replaceChildren();
    this.points = [];
    if (!x || !y) return;
    this.room = roomOf(svg, { left: 52, right: 14, top: 22, bottom: 34 });
    this.points = model.trials.map((trial) => {
      const [across, up] = [x.place(x.of(trial)), y.place(y.of(trial))];
      return across === null || up === null ? [] : [this.at(across, up)];
    });
    const dots = makeSvg("g", { class: "dots" });
    this.marks.draw(dots, (i) => {
      const [point] = this.points[i];
      // a shape of its own for those on the study's front: colour alone tells nothing
      if (!point) return makeSvg("path", { d: "" });
      if (!model.trials[i].front) return makeSvg("circle", { cx: point.x, cy: point.y, r: 5 });
      const { x: cx, y: cy } = point;
      return makeSvg("path", { d: `M${cx} ${cy - 8}L${cx + 8} ${cy}L${cx} ${cy + 8}L${cx - 8} ${cy}Z` });
    });
    const box = makeSvg("g", { class: "brushes" });
    this.box = box;
    svg.replaceChildren(...this.ticks(x, y), ...this.front(x, y), dots, box);
    this.mark();
  }

  /** @param {number} across @param {number} up both 0 to 1 */
  at(across, up) {
    const { left, right, top, bottom } = this.room;
    return { x: left + across * (right - left), y: bottom - up * (bottom - top) };
  }

  /** @param {Axis} x @param {Axis} y */
  ticks(x, y) {
    const { left, right, top, bottom, width } = this.room;
    const across = ticksOf(x, 7).map(({ at, text }) =>
      label(this.at(at, 0).x, bottom + 15, fitted(text, 90), { class: "tick", "text-anchor": "middle" }),
    );
    const up = ticksOf(y, 6).map(({ at, text }) => {
      const place = this.at(0, at).y;
      const line = makeSvg("line", { class: "rule", x1: left, x2: right, y1: place, y2: place });
      const words = label(left - 5, place + 4, fitted(text, 48), { class: "tick", "text-anchor": "end" });
      return makeSvg("g", {}, line, words);
    });
    return [
      makeSvg("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
      makeSvg("line", { class: "axis", x1: left, x2: left, y1: top, y2: bottom }),
      ...across,
      ...up,
      label((left + right) / 2, bottom + 30, fitted(nameOf(x), right - left), { "text-anchor": "middle" }),
      label(2, 12, fitted(nameOf(y), width)),
    ];
  }

  /** @param {Axis} x @param {Axis} y */
  front(x, y) {
    if (!x.better || !y.better) return [];
    const found = this.points.flatMap(([point], i) => (point ? [{ x: point.x, y: -point.y, i }] : []));
    const line = frontOf(found, x.better, y.better).map((i) => this.points[i][0]);
    return line.length > 1 ? [makeSvg("path", { class: "pareto", d: pathOf(line) })] : [];
  }

  /** @param {number} before @param {number} now */
  point(before, now) {
    this.marks.point(before, now);
  }

  mark() {
    this.marks.mark();
    const { brushes } = this.model;
    const [across, up] = [brushes.get(this.x), brushes.get(this.y)];
    if (!across && !up) {
      this.box?.replaceChildren();
      return;
    }
    const from = this.at((across ?? [0, 1])[0], (up ?? [0, 1])[1]);
    const to = this.at((across ?? [0, 1])[1], (up ?? [0, 1])[0]);
    const place = {
      x: from.x,
      y: from.y,
      width: Math.max(2, to.x - from.x),
      height: Math.max(2, to.y - from.y),
    };
    this.box?.replaceChildren(makeSvg("rect", { class: "brush", ...place }));
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const at = placeIn(this.svg, event);
    const { pressed, model } = this;
    if (!pressed) model.point(nearest(at, this.points, model.kept));
    else if (Math.hypot(at.x - pressed.x, at.y - pressed.y) > CLICK) {
      const across = this.range(pressed.x, at.x, this.room.left, this.room.right);
      const up = this.range(pressed.y, at.y, this.room.bottom, this.room.top);
      model.brush([
        [this.x, across],
        [this.y, up],
      ]);
    }
  }

  /** @param {PointerEvent} event */
  up(event) {
    const { pressed, model } = this;
    this.pressed = null;
    if (!pressed) return;
    const at = placeIn(this.svg, event);
    if (Math.hypot(at.x - pressed.x, at.y - pressed.y) > CLICK) return;
    const i = nearest(at, this.points, model.kept);
    if (i >= 0) model.choose(i);
    else if (model.brushes.size) {
      model.brush([
        [this.x, null],
        [this.y, null],
      ]);
    }
  }

  /**
   * @param {number} a
   * @param {number} b
   * @param {number} from
   * @param {number} to
   * @returns {[number, number]}
   */
  range(a, b, from, to) {
    const place = (/** @type {number} */ at) => Math.min(1, Math.max(0, (at - from) / (to - from)));
    return [Math.min(place(a), place(b)), Math.max(place(a), place(b))];
  }
}
