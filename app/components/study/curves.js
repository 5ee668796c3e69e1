// Learning curves of all trials over each other; those that were pruned are faint and end with a cross.

import { makeSvg } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { isNumber, roundNumbers } from "./axes.js";
import { fitted, label, Marks, nearest, pathOf, placeIn, roomOf } from "./strokes.js";

/** @import { Trial } from "./types.js" */
/** @import { Model } from "./model.js" */
/** @import { View } from "./types.js" */
/** @import { Point } from "./strokes.js" */

const OUTLYING = 0.9; // of the curves' values that set the scale: how a run starts would flatten all others

/** @implements {View} */
export class Curves {
  /** @type {Point[][]} */
  lines = [];

  /** @param {SVGSVGElement} svg @param {Model} model */
  constructor(svg, model) {
    this.svg = svg;
    this.model = model;
    this.marks = new Marks(model);
    svg.onpointermove = (event) => model.point(nearest(placeIn(svg, event), this.lines, model.kept));
    svg.onpointerleave = () => model.point(-1);
    svg.onclick = () => {
      if (model.cursor >= 0) model.choose(model.cursor);
    };
  }

  draw() {
    const { svg, model } = this;
    const found = model.trials.map(pointsOf);
    this.lines = [];
    const every = found.flat();
    if (!every.length) {
      svg.replaceChildren(label(2, 16, "No trial has learned for an epoch yet."));
      return;
    }
    const { left, right, top, bottom, width } = roomOf(svg, { left: 52, right: 14, top: 22, bottom: 34 });
    const last = Math.max(1, ...every.map(({ x }) => x));
    const first = Math.min(last - 1, ...every.map(({ x }) => x));
    const { low, high } = spanOf(found.map((line) => line.map(({ y }) => y)));
    const x = (/** @type {number} */ epoch) => left + ((epoch - first) / (last - first)) * (right - left);
    const y = (/** @type {number} */ value) =>
      Math.max(top - 4, Math.min(bottom, bottom - ((value - low) / (high - low)) * (bottom - top)));
    this.lines = found.map((line) => line.map((point) => ({ x: x(point.x), y: y(point.y) })));
    const curves = makeSvg("g", { class: "lines" });
    this.marks.draw(curves, (i) => makeSvg("path", { d: pathOf(this.lines[i]) + this.cross(i) }));
    const epochs = roundNumbers(first, last, false, 8).filter(Number.isInteger);
    const curve = model.trials.find(({ curve }) => curve)?.curve?.name ?? "";
    const measure = model.data.numbers.find((one) => one.name === curve);
    const unit = measure?.unit ? `, ${measure.unit}` : "";
    const name = `${measure?.title ?? curve} of validation images${unit}`;
    svg.replaceChildren(
      makeSvg("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
      makeSvg("line", { class: "axis", x1: left, x2: left, y1: top, y2: bottom }),
      ...epochs.map((epoch) => label(x(epoch), bottom + 15, String(epoch), { "text-anchor": "middle" })),
      ...roundNumbers(low, high, false, 6).map((value) =>
        label(left - 5, y(value) + 4, numberText(value), { "text-anchor": "end" }),
      ),
      label((left + right) / 2, bottom + 30, "epoch", { "text-anchor": "middle" }),
      label(2, 12, fitted(name, width)),
      curves,
    );
  }

  /** @param {number} i */
  cross(i) {
    const end = this.lines[i].at(-1);
    if (this.model.trials[i].state !== "pruned" || !end) return "";
    const { x, y } = end;
    return `M${x - 4} ${y - 4}L${x + 4} ${y + 4}M${x - 4} ${y + 4}L${x + 4} ${y - 4}`;
  }

  /** @param {number} before @param {number} now */
  point(before, now) {
    this.marks.point(before, now);
  }

  mark() {
    this.marks.mark();
  }
}

/** @param {Trial} trial @returns {Point[]} */
function pointsOf({ curve }) {
  if (!curve) return [];
  return curve.epoch.flatMap((x, k) => {
    const y = curve.value[k];
    return isNumber(y) ? [{ x, y }] : [];
  });
}

/**
 * The range that curves are drawn in: all of it but the few worst values, with which runs begin.
 *
 * @param {number[][]} curves
 */
export function spanOf(curves) {
  const sorted = curves.flat().sort((a, b) => a - b);
  const low = sorted[0];
  const high = sorted[Math.floor(OUTLYING * (sorted.length - 1))];
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}
