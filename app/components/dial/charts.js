import { context2d, fitCanvas, makeSvg } from "../shared/dom.js";
import { betaText, roundTicks } from "./curve.js";

/** @import { Palette } from "../shared/types.js" */
/** @import { CurvePoint } from "./curve.js" */
/** @import { OtherRun, Stops } from "./types.js" */

const MARGIN = { left: 46, right: 14, top: 12, bottom: 34 }; // pixels around the curve
const BARS = { left: 40, right: 8, top: 20, bottom: 26 };
const MOST_BARS = 32;
const NAME = 19; // pixels that the name of a bar takes
const DOT = 3; // pixels of a point on the map

/** The rate-distortion curve with a cursor on it. */
export class CurveChart {
  /** @type {SVGCircleElement | null} */
  #cursor = null;
  #x = (/** @type {number} */ rate) => rate;
  #y = (/** @type {number} */ distortion) => distortion;

  /** @param {SVGSVGElement} box */
  constructor(box) {
    this.box = box;
  }

  clear() {
    this.#cursor = null;
    this.box.replaceChildren();
  }

  /** @param {Stops} stops @param {OtherRun[]} others @param {Palette} palette */
  draw(stops, others, palette) {
    const { box } = this;
    const { left, right, top, bottom } = MARGIN;
    const width = box.clientWidth;
    const height = box.clientHeight;
    const rates = [...stops.rate, ...others.map((run) => run.rate)];
    const distortions = [...stops.distortion, ...others.map((run) => run.distortion)];
    const [x0, x1] = reach(rates);
    const [y0, y1] = reach(distortions);
    const floor = height - bottom;
    const edge = width - right;
    this.#x = (rate) => left + ((rate - x0) / Math.max(1e-9, x1 - x0)) * (edge - left);
    this.#y = (distortion) => floor - ((distortion - y0) / Math.max(1e-9, y1 - y0)) * (floor - top);
    const colours = palette.categorical;
    this.#cursor = makeSvg("circle", { r: 8, fill: "none", stroke: palette.mark, "stroke-width": 3 });
    box.setAttribute("viewBox", `0 0 ${width} ${height}`);
    box.replaceChildren(
      ...roundTicks(x0, x1).flatMap((v) => [
        gridLine(this.#x(v), this.#x(v), top, floor),
        words(String(v), this.#x(v), floor + 14, "middle"),
      ]),
      ...roundTicks(y0, y1).flatMap((v) => [
        gridLine(left, edge, this.#y(v), this.#y(v)),
        words(String(v), left - 5, this.#y(v) + 4, "end"),
      ]),
      words("rate", (left + edge) / 2, height - 4, "middle"),
      words("distortion", 12, (top + floor) / 2, "middle", `rotate(-90 12 ${(top + floor) / 2})`),
      ...this.#dial(stops, colours[0]),
      ...others.flatMap((run) => this.#other(run, colours[1])),
      this.#cursor,
    );
  }

  /** @param {Stops} stops @param {string} colour */
  #dial({ betas, rate, distortion }, colour) {
    const points = rate.map((v, i) => `${this.#x(v)},${this.#y(distortion[i])}`).join(" ");
    const line = makeSvg("polyline", { points, fill: "none", stroke: colour, "stroke-width": 2 });
    const dots = rate.map((v, i) => {
      const place = { cx: this.#x(v), cy: this.#y(distortion[i]), r: 3.5, fill: colour };
      return makeSvg("circle", place, makeSvg("title", {}, `the dial at β ${betaText(betas[i])}`));
    });
    return [line, ...dots];
  }

  /** @param {OtherRun} run @param {string} colour */
  #other({ beta, rate, distortion, name }, colour) {
    const [x, y] = [this.#x(rate), this.#y(distortion)];
    const diamond = {
      x: x - 4,
      y: y - 4,
      width: 8,
      height: 8,
      fill: colour,
      transform: `rotate(45 ${x} ${y})`,
    };
    const title = makeSvg("title", {}, `${name}, trained at β ${betaText(beta)} alone`);
    return [makeSvg("rect", diamond, title), makeSvg("text", { x: x + 8, y: y - 6 }, betaText(beta))];
  }

  /** @param {CurvePoint} at */
  point({ rate, distortion }) {
    this.#cursor?.setAttribute("cx", String(this.#x(rate)));
    this.#cursor?.setAttribute("cy", String(this.#y(distortion)));
  }
}

/**
 * The ends of an axis: a little beyond the values, so that none stands on its numbers.
 *
 * @param {number[]} values
 */
function reach(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const beyond = 0.05 * (high - low);
  return [low - beyond, high + beyond];
}

/** KL per dimension, sorted by it at the smallest β, where most are in use. */
export class KlChart {
  /** @type {{ d: number, bar: SVGRectElement }[]} */
  #bars = [];
  #floor = 0;
  #height = (/** @type {number} */ kl) => kl;

  /** @param {SVGSVGElement} box */
  constructor(box) {
    this.box = box;
  }

  clear() {
    this.#bars = [];
    this.box.replaceChildren();
  }

  /** @param {Stops} stops @param {Palette} palette */
  draw({ kl }, palette) {
    const { box } = this;
    const { left, right, top, bottom } = BARS;
    const width = box.clientWidth;
    const height = box.clientHeight;
    const most = Math.max(...kl.flat(), 0.1);
    const order = kl[0].map((_, d) => d).sort((a, b) => kl[0][b] - kl[0][a]);
    const shown = order.slice(0, MOST_BARS);
    const step = (width - left - right - 2) / shown.length;
    this.#floor = height - bottom;
    this.#height = (v) => (v / most) * (this.#floor - top);
    this.#bars = shown.map((d, i) => {
      const place = { x: left + (i + 0.12) * step, width: 0.76 * step, fill: palette.categorical[0] };
      return { d, bar: makeSvg("rect", place) };
    });
    const names = step >= NAME ? shown : [];
    box.setAttribute("viewBox", `0 0 ${width} ${height}`);
    box.replaceChildren(
      ...roundTicks(0, most).flatMap((v) => {
        const y = this.#floor - this.#height(v);
        return [gridLine(left, width - right, y, y), words(String(v), left - 6, y + 4, "end")];
      }),
      ...this.#bars.map(({ bar }) => bar),
      ...names.map((d, i) => words(`z${d}`, left + (i + 0.5) * step, height - 10, "middle")),
    );
  }

  /** @param {CurvePoint} at */
  point({ kl }) {
    for (const { d, bar } of this.#bars) {
      const tall = Math.max(0.5, this.#height(kl[d]));
      bar.setAttribute("y", String(this.#floor - tall));
      bar.setAttribute("height", String(tall));
    }
  }
}

/** Codes of images on two axes, which move with β: straight from one stop to the next. */
export class CodesChart {
  /** @type {Float32Array | null} whose reach is known */
  #measured = null;
  #reach = [1, 1];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /**
   * @param {Float32Array} points (stops, M, 2)
   * @param {number} stops
   * @param {Uint8Array | null} colours (M,)
   * @param {CurvePoint} at
   * @param {Palette} palette
   */
  draw(points, stops, colours, at, palette) {
    const { canvas } = this;
    if (!canvas.clientWidth) return;
    const scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    fitCanvas(canvas, { width, height });
    if (this.#measured !== points) {
      // one scale for all βs, so that shrinking is seen as shrinking
      this.#measured = points;
      this.#reach = [reachOf(points, 0), reachOf(points, 1)];
    }
    const n = points.length / stops;
    const a = points.subarray(at.low * n, (at.low + 1) * n);
    const b = points.subarray((at.low + 1) * n, (at.low + 2) * n);
    const k = 0.47 * Math.min(width / this.#reach[0], height / this.#reach[1]);
    const size = DOT * scale;
    const { categorical } = palette;
    const context = context2d(canvas);
    context.clearRect(0, 0, width, height);
    for (let colour = 0; colour < categorical.length; colour++) {
      context.fillStyle = categorical[colour];
      for (let i = 0; i < n / 2; i++) {
        if ((colours ? colours[i] % categorical.length : 0) !== colour) continue;
        const x = a[2 * i] + at.share * (b[2 * i] - a[2 * i]);
        const y = a[2 * i + 1] + at.share * (b[2 * i + 1] - a[2 * i + 1]);
        context.fillRect(width / 2 + k * x - size / 2, height / 2 - k * y - size / 2, size, size);
      }
    }
  }
}

/**
 * @param {Float32Array} points
 * @param {0 | 1} axis
 * @returns {number} the largest distance from the middle
 */
function reachOf(points, axis) {
  let most = 1e-6;
  for (let i = axis; i < points.length; i += 2) most = Math.max(most, Math.abs(points[i]));
  return most;
}

/** @param {number} x1 @param {number} x2 @param {number} y1 @param {number} y2 */
const gridLine = (x1, x2, y1, y2) =>
  makeSvg("line", { stroke: "currentcolor", "stroke-opacity": 0.12, x1, x2, y1, y2 });

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} anchor
 * @param {string} [transform]
 */
const words = (text, x, y, anchor, transform = "") =>
  makeSvg("text", { x, y, "text-anchor": anchor, ...(transform && { transform }) }, text);
