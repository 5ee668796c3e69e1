// What charts of a study share: their room, marks of trials, and the trial nearest to the hand.

import { makeSvg } from "../shared/dom.js";

/** @import { Axis } from "./types.js" */
/** @import { Model } from "./model.js" */

export const NEAR = 26; // pixels from a mark at which the hand is still at it

/** @typedef {{ x: number, y: number }} Point */
/**
 * @typedef {{ left: number, right: number, top: number, bottom: number, width: number, height: number }} Room
 */

/**
 * The room of a chart, in pixels of the screen.
 *
 * @param {SVGSVGElement} svg
 * @param {{ left: number, right: number, top: number, bottom: number }} margin
 * @returns {Room}
 */
export function roomOf(svg, margin) {
  const { width, height } = svg.getBoundingClientRect();
  svg.setAttribute("viewBox", `0 0 ${Math.max(1, width)} ${Math.max(1, height)}`);
  return {
    left: margin.left,
    right: Math.max(margin.left + 40, width - margin.right),
    top: margin.top,
    bottom: Math.max(margin.top + 40, height - margin.bottom),
    ...{ width, height },
  };
}

/**
 * An axis' name with its unit, and which way is better.
 *
 * @param {Axis} axis
 */
export function nameOf({ title, unit, better, log }) {
  const arrow = better === "max" ? " ↑" : better === "min" ? " ↓" : "";
  return `${title}${unit ? `, ${unit}` : ""}${log ? " (log)" : ""}${arrow}`;
}

/**
 * Where the hand is in a chart.
 *
 * @param {SVGSVGElement} svg
 * @param {PointerEvent} event
 * @returns {Point}
 */
export function placeIn(svg, event) {
  const box = svg.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/**
 * How far a point lies from a polyline, pixels.
 *
 * @param {Point} at
 * @param {Point[]} line
 */
export function distance(at, line) {
  let least = Number.POSITIVE_INFINITY;
  for (const [i, b] of line.entries()) {
    const a = line[Math.max(0, i - 1)];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const long = dx * dx + dy * dy;
    const share = long ? Math.min(1, Math.max(0, ((at.x - a.x) * dx + (at.y - a.y) * dy) / long)) : 0;
    least = Math.min(least, Math.hypot(at.x - a.x - share * dx, at.y - a.y - share * dy));
  }
  return least;
}

/**
 * The trial whose line lies nearest to the hand, or -1.
 *
 * @param {Point} at
 * @param {Point[][]} lines by trial
 * @param {boolean[]} kept
 */
export function nearest(at, lines, kept) {
  let found = -1;
  let least = NEAR;
  for (const [i, line] of lines.entries()) {
    if (!kept[i] || !line.length) continue;
    const far = distance(at, line);
    if (far < least) [found, least] = [i, far];
  }
  return found;
}

/** Marks of trials in a chart, of which those at the cursor and the chosen one are told apart. */
export class Marks {
  /** @type {SVGElement[]} by trial */
  shapes = [];

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
  }

  /**
   * One mark for each trial; its opacity follows the goal, the best the strongest.
   *
   * @param {SVGElement} group
   * @param {(i: number) => SVGElement} shape
   */
  draw(group, shape) {
    const { trials, ranks } = this.model;
    this.shapes = trials.map((trial, i) => {
      const found = shape(i);
      found.classList.add("trial", trial.state);
      if (trial.front) found.classList.add("front");
      found.dataset.trial = String(trial.number);
      found.style.setProperty("--strength", String(0.95 - 0.65 * ranks[i]));
      return found;
    });
    // the best are drawn last, over the others
    const order = [...this.shapes.keys()].sort((a, b) => ranks[b] - ranks[a]);
    group.replaceChildren(...order.map((i) => this.shapes[i]));
    this.mark();
    this.point(-1, this.model.cursor);
  }

  /** @param {number} before @param {number} now */
  point(before, now) {
    this.shapes[before]?.classList.remove("here");
    this.shapes[now]?.classList.add("here");
  }

  mark() {
    const { kept, chosen } = this.model;
    for (const [i, shape] of this.shapes.entries()) {
      shape.classList.toggle("out", !kept[i]);
      shape.classList.toggle("chosen", i === chosen);
    }
  }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {Record<string, string | number>} [more]
 */
export const label = (x, y, text, more = {}) => makeSvg("text", { x, y, ...more }, text);

/** @param {Point[]} line */
export const pathOf = (line) =>
  line.map(({ x, y }, i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/**
 * A text cut to so many pixels, about.
 *
 * @param {string} text
 * @param {number} width
 */
export function fitted(text, width) {
  const most = Math.max(3, Math.floor(width / 6.2));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
