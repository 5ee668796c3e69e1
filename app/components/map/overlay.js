// What is drawn over the points: axes, names, rings and marks. In CSS pixels.

import { toCss } from "./colours.js";
import { MARGIN, ticksOf, tickText } from "./view.js";

/** @import { MapData, MapMark } from "./types.js" */
/** @import { Points } from "./points.js" */
/** @import { View } from "./view.js" */

/**
 * @typedef {{ text: string, ground: string, mark: string }} Inks colours of the theme, and of what is pointed
 *   out
 */

/** CSS pixels from one tick to the next, at least. */
const APART = { across: 70, up: 60 };
const NAMED = 25; // CSS pixels of a unit from which on contours are named
const HALF = 8; // half a line of words, CSS pixels
const MOST_POINTS = 20_000; // whose median a name stands at
const FONT = "11px system-ui, sans-serif";
const BOLD = "bold 13px system-ui, sans-serif";

/** @typedef {CanvasRenderingContext2D} Context */

/**
 * @param {Context} context
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
function strokeLine(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/**
 * Words with a rim of the ground's colour.
 *
 * @param {Context} context
 * @param {string} words
 * @param {number} x
 * @param {number} y
 * @param {Inks} inks
 */
function strokeWords(context, words, x, y, { text, ground }) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = ground;
  context.strokeText(words, x, y);
  context.fillStyle = text;
  context.fillText(words, x, y);
  context.strokeStyle = text;
}

/**
 * Clips to the plot while `draw` runs.
 *
 * @param {Context} context
 * @param {View} view
 * @param {() => void} draw
 */
export function insidePlot(context, { width, height }, draw) {
  const { left, right, top, bottom } = MARGIN;
  context.save();
  context.beginPath();
  context.rect(left, top, width - right - left, height - bottom - top);
  context.clip();
  draw();
  context.restore();
}

/**
 * @param {Context} context
 * @param {View} view
 * @param {Pick<MapData, "x" | "y">} names
 * @param {Inks} inks
 */
export function drawAxes(context, view, names, { text }) {
  const { left, top } = MARGIN;
  const right = view.width - MARGIN.right;
  const bottom = view.height - MARGIN.bottom;
  const [x0, x1, y0, y1] = view.box;
  const across = ticksOf(x0, x1, (right - left) / APART.across);
  const up = ticksOf(y0, y1, (bottom - top) / APART.up);
  Object.assign(context, { font: FONT, lineWidth: 1, textBaseline: "middle" });
  Object.assign(context, { fillStyle: text, strokeStyle: text, textAlign: "center" });
  for (const v of across.values) {
    const x = Math.round(view.across(v)) + 0.5;
    context.globalAlpha = 0.1;
    strokeLine(context, x, top, x, bottom);
    context.globalAlpha = 0.75;
    context.fillText(tickText(v, across.step), x, bottom + 11);
  }
  context.textAlign = "right";
  for (const v of up.values) {
    const y = Math.round(view.down(v)) + 0.5;
    context.globalAlpha = 0.1;
    strokeLine(context, left, y, right, y);
    context.globalAlpha = 0.75;
    context.fillText(tickText(v, up.step), left - 5, y);
  }
  context.globalAlpha = 0.9;
  context.textAlign = "center";
  context.fillText(names.x, (left + right) / 2, view.height - 9, right - left);
  context.save();
  context.translate(9, (top + bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(names.y, 0, 0, bottom - top);
  context.restore();
  context.globalAlpha = 1;
}

/**
 * Circles at 1, 2 and 3 standard deviations of the prior.
 *
 * @param {Context} context
 * @param {View} view
 * @param {Inks} inks
 */
export function drawContours(context, view, inks) {
  const x = view.across(0);
  Object.assign(context, { lineWidth: 1.5, strokeStyle: inks.text, globalAlpha: 0.6 });
  context.setLineDash([5, 4]);
  for (const s of [1, 2, 3]) {
    context.beginPath();
    context.arc(x, view.down(0), s * view.k, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 0.85;
  for (const s of view.k > NAMED ? [1, 2, 3] : []) {
    // on its circle, but not cut by the plot's top
    const y = view.down(s);
    const within = y > MARGIN.top - HALF ? Math.max(y, MARGIN.top + HALF) : y;
    strokeWords(context, s === 3 ? "3σ of the prior" : `${s}σ`, x, within, inks);
  }
  context.globalAlpha = 1;
}

/**
 * An ellipse of a posterior's standard deviations around each point.
 *
 * @param {Context} context
 * @param {View} view
 * @param {Points} points
 * @param {Float32Array} deviations two per row
 */
export function drawEllipses(context, view, { grid, tones, shown, colours }, deviations) {
  const { row, xs, ys } = grid;
  Object.assign(context, { globalAlpha: 0.55, lineWidth: 1 });
  for (const [from, to] of grid.runs(view.box)) {
    for (let at = from; at < to; at++) {
      if (!shown[tones[at]]) continue;
      const i = 2 * row[at];
      const [rx, ry] = [deviations[i] * view.k, deviations[i + 1] * view.k];
      context.strokeStyle = toCss(colours[tones[at]]);
      context.beginPath();
      context.ellipse(view.across(xs[at]), view.down(ys[at]), rx, ry, 0, 0, 2 * Math.PI);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

/**
 * The median of each class on either axis.
 *
 * @param {ArrayLike<number>} points x and y in turn
 * @param {ArrayLike<number>} values classes
 * @param {(k: number) => boolean} wanted classes
 * @returns {Map<number, [number, number]>}
 */
export function mediansOf(points, values, wanted) {
  /** @type {Map<number, { x: number[], y: number[] }>} */
  const groups = new Map();
  const count = points.length / 2;
  const step = Math.max(1, Math.floor(count / MOST_POINTS));
  for (let i = 0; i < count; i += step) {
    const k = values[i];
    if (!wanted(k)) continue;
    let group = groups.get(k);
    if (!group) {
      group = { x: [], y: [] };
      groups.set(k, group);
    }
    group.x.push(points[2 * i]);
    group.y.push(points[2 * i + 1]);
  }
  const median = (/** @type {number[]} */ v) => v.sort((a, b) => a - b)[v.length >> 1];
  return new Map([...groups].map(([k, { x, y }]) => [k, [median(x), median(y)]]));
}

/**
 * @param {Context} context
 * @param {View} view
 * @param {Map<number, [number, number]>} medians
 * @param {string[]} names
 * @param {Inks} inks
 */
export function drawNames(context, view, medians, names, inks) {
  context.font = BOLD;
  for (const [k, [x, y]] of medians) strokeWords(context, names[k], view.across(x), view.down(y), inks);
}

/**
 * @param {Context} context
 * @param {[number, number]} place in CSS pixels
 * @param {number} radius
 * @param {string} colour
 * @param {number} width
 * @param {Inks} inks
 */
export function drawRing(context, [x, y], radius, colour, width, { ground }) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.lineWidth = width + 2;
  context.strokeStyle = ground;
  context.stroke();
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}

/**
 * A cross where empty space was clicked.
 *
 * @param {Context} context
 * @param {number} x
 * @param {number} y
 * @param {Inks} inks
 */
export function drawCross(context, x, y, { mark }) {
  context.lineWidth = 2.5;
  context.strokeStyle = mark;
  strokeLine(context, x - 7, y, x + 7, y);
  strokeLine(context, x, y - 7, x, y + 7);
}

/**
 * A star with words.
 *
 * @param {Context} context
 * @param {View} view
 * @param {MapMark} given
 * @param {Inks} inks
 */
export function drawMark(context, view, given, inks) {
  const x = view.across(given.x);
  const y = view.down(given.y);
  context.beginPath();
  for (let i = 0; i < 10; i++) {
    const radius = i % 2 ? 4.5 : 10;
    const angle = -Math.PI / 2 + (i * Math.PI) / 5;
    context.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  context.closePath();
  context.lineWidth = 3;
  context.strokeStyle = inks.ground;
  context.stroke();
  context.fillStyle = inks.mark;
  context.fill();
  strokeWords(context, given.words, x, y - 17, inks);
}

/** @param {Context} context @param {[number, number][]} corners in CSS pixels @param {Inks} inks */
export function drawLasso(context, corners, { text }) {
  context.beginPath();
  for (const [x, y] of corners) context.lineTo(x, y);
  context.closePath();
  Object.assign(context, { globalAlpha: 0.12, fillStyle: text });
  context.fill();
  Object.assign(context, { globalAlpha: 1, lineWidth: 1.5, strokeStyle: text });
  context.stroke();
}
