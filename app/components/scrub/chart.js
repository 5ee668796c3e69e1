// The chart beside the pictures: lines with their intervals, or bars, and a cursor at the stop.

import { make, makeSvg } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { roundTicks } from "../shared/ticks.js";

/** @import { Palette } from "../shared/types.js" */
/** @import { Chart, Line } from "./types.js" */

const WIDTH = 420;
const HEIGHT = 230;
const LEFT = 48;
const RIGHT = 10;
const TOP = 26;
const BOTTOM = 40;
const LETTER = 6.2; // width of a digit
const APART = 6; // least room between two labels
const ROOM = 14; // height of a label

/**
 * Draws the chart anew and gives what moves its cursor.
 *
 * @param {SVGSVGElement} svg
 * @param {HTMLElement} legend
 * @param {Chart} chart
 * @param {Palette} palette
 * @returns {(stop: number) => void}
 */
export function drawChart(svg, legend, chart, palette) {
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("aria-label", chart.title || `${chart.y} over ${chart.x}`);
  const xs = [...chart.at, ...chart.lines.flatMap(({ x }) => x), ...chart.bars.flatMap(({ edges }) => edges)];
  const ys = [
    ...chart.lines.flatMap(({ y, low, high }) => [...y, ...(low ?? []), ...(high ?? [])]),
    ...chart.bars.flatMap(({ heights }) => [0, ...heights]),
  ];
  const x = scale(spanOf(xs), LEFT, WIDTH - RIGHT);
  const y = scale(spanOf(ys), HEIGHT - BOTTOM, TOP);
  /** @type {SVGElement[]} */
  const parts = [
    makeSvg("text", { class: "title", x: 0, y: 12 }, chart.title),
    makeSvg("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, chart.x),
    makeSvg("text", { x: 0, y: TOP - 2 + 6, "text-anchor": "start" }, chart.y),
    ...axes(x, y, chart),
  ];
  chart.bars.forEach(({ edges, heights }, i) => {
    const fill = palette.categorical[i % palette.categorical.length];
    for (const [k, height] of heights.entries()) {
      const [from, to] = [x.of(edges[k]), x.of(edges[k + 1])];
      const top = y.of(height);
      const box = { x: from, y: top, width: Math.max(0.5, to - from), height: Math.max(0, y.of(0) - top) };
      parts.push(makeSvg("rect", { ...box, fill, "fill-opacity": 0.55 }));
    }
  });
  chart.lines.forEach((line, i) => {
    const colour = palette.categorical[(i + chart.bars.length) % palette.categorical.length];
    parts.push(...band(line, x, y, colour), path(line, x, y, colour));
  });
  const cursor = makeSvg("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, x1: 0, x2: 0 });
  svg.replaceChildren(...parts, cursor);
  legend.replaceChildren(
    ...chart.bars.map(({ name }, i) => {
      const key = make("i", { className: "bar" });
      key.style.background = palette.categorical[i % palette.categorical.length];
      return make("span", {}, key, name);
    }),
    ...chart.lines.map(({ name, ours }, i) => {
      const key = make("i", { className: ours ? "" : "other" });
      key.style.borderColor = palette.categorical[(i + chart.bars.length) % palette.categorical.length];
      return make("span", {}, key, name);
    }),
  );
  return (stop) => {
    const place = String(x.of(chart.at[stop] ?? chart.at[0] ?? 0));
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
  };
}

/** @typedef {{ low: number, high: number, of: (value: number) => number }} Scale */

/**
 * @param {{ low: number, high: number }} span
 * @param {number} from
 * @param {number} to
 * @returns {Scale}
 */
const scale = ({ low, high }, from, to) => ({
  low,
  high,
  of: (value) => from + ((value - low) / (high - low)) * (to - from),
});

/** @param {(number | null)[]} values */
function spanOf(values) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value === null || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return { low: 0, high: 1 };
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}

/** @param {number} i @param {number} count */
const anchorOf = (i, count) => (i === 0 ? "start" : i === count - 1 ? "end" : "middle");

/**
 * Which labels of an axis are shown, so that none touches another: the last always, others from the left on.
 *
 * @param {number[]} places from left to right
 * @param {string[]} texts
 */
export function withRoom(places, texts) {
  const last = places.length - 1;
  const spans = places.map((place, i) => {
    const width = texts[i].length * LETTER;
    const from = place - { start: 0, middle: width / 2, end: width }[anchorOf(i, places.length)];
    return { from, to: from + width };
  });
  let free = Number.NEGATIVE_INFINITY;
  return spans.map(({ from, to }, i) => {
    const fits = i === last || (from >= free && to + APART <= spans[last].from);
    if (fits) free = to + APART;
    return fits;
  });
}

/** @param {Scale} x @param {Scale} y @param {Chart} chart */
function axes(x, y, { at, ticks }) {
  const bottom = HEIGHT - BOTTOM;
  /** @type {SVGElement[]} */
  const parts = [
    makeSvg("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: bottom, y2: bottom }),
    makeSvg("line", { class: "axis", x1: LEFT, x2: LEFT, y1: TOP, y2: bottom }),
  ];
  if (ticks) {
    const places = at.map((across) => x.of(across));
    const shown = withRoom(places, ticks);
    for (const [i, across] of places.entries()) {
      const anchor = anchorOf(i, places.length);
      const text = shown[i] ? ticks[i] : "";
      parts.push(makeSvg("text", { x: across, y: bottom + 14, "text-anchor": anchor }, text));
    }
  } else {
    for (const value of roundTicks(x.low, x.high)) {
      const place = { x: x.of(value), y: bottom + 14, "text-anchor": "middle" };
      parts.push(makeSvg("text", place, numberText(value, 3)));
    }
  }
  for (const value of roundTicks(y.low, y.high)) {
    const up = y.of(value);
    if (up < TOP + ROOM) continue; // there stands the axis's name
    parts.push(makeSvg("text", { x: LEFT - 4, y: up + 4, "text-anchor": "end" }, numberText(value, 3)));
  }
  return parts;
}

/** @param {Line} line @param {Scale} x @param {Scale} y @param {string} colour */
function band({ x: xs, low, high }, x, y, colour) {
  if (!low || !high) return [];
  const known = [...xs.keys()].filter((i) => low[i] !== null && high[i] !== null);
  if (known.length < 2) return [];
  const there = known.map((i) => `${x.of(xs[i])},${y.of(Number(high[i]))}`);
  const back = known.map((i) => `${x.of(xs[i])},${y.of(Number(low[i]))}`).reverse();
  return [makeSvg("polygon", { points: [...there, ...back].join(" "), fill: colour, "fill-opacity": 0.18 })];
}

/** @param {Line} line @param {Scale} x @param {Scale} y @param {string} colour */
function path({ x: xs, y: ys, ours }, x, y, colour) {
  const points = [...xs.keys()].filter((i) => ys[i] !== null);
  const text = points.map((i) => `${x.of(xs[i])},${y.of(Number(ys[i]))}`).join(" ");
  const dashes = ours ? "none" : "5 3";
  const width = ours ? 2.5 : 1.5;
  const style = { fill: "none", stroke: colour, "stroke-width": width, "stroke-dasharray": dashes };
  return makeSvg("polyline", { points: text, ...style });
}
