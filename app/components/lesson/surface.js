// A canvas as large as its room, drawn anew when that changes: what a chart and a plane have in common.

import { context2d, make } from "../shared/dom.js";

/** @import { Palette } from "../shared/types.js" */
/** @typedef {{ label: string, palette: Palette, names: [string, string], draw: () => void }} Given */

export class Surface {
  /** @param {HTMLElement} room @param {string} className @param {Given} given `names`: of the axes */
  constructor(room, className, { label, palette, names, draw }) {
    this.canvas = make("canvas", { className, "aria-label": label });
    this.canvas.setAttribute("role", "img");
    this.pen = context2d(this.canvas);
    this.palette = palette;
    this.names = names;
    this.draw = draw;
    room.append(this.canvas);
    this.watch = new ResizeObserver(() => this.redraw());
    this.watch.observe(this.canvas);
  }

  stop() {
    this.watch.disconnect();
  }

  redraw() {
    const { canvas, pen } = this;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.axes();
    this.content();
  }

  axes() {}

  content() {
    this.draw();
  }

  ink() {
    return getComputedStyle(this.canvas).color;
  }
}
