import { context2d, count, finder } from "../shared/dom.js";
import { NO_TONE } from "./colours.js";
import * as overlay from "./overlay.js";
import { Density, drawDots } from "./points.js";

/** @import { LatentMap } from "./map.js" */
/** @import { Points } from "./points.js" */
/** @import { MapData } from "./types.js" */

/** Points in view beyond which their density is shaded: dots would only cover each other. */
const DENSE = 120_000;
const MOST_ELLIPSES = 400; // drawn at a time

/** Draws a map as it stands: points, images, and what lies over them. */
export class Scene {
  // of the dots, 0 until a hand chose them
  size = 0;
  opacity = 0;
  /** what else is to be said of the picture */
  hint = "";
  #inView = 0; // points in view
  #density = new Density();
  /** @type {ImageData | null} */
  #image = null;

  /** @param {LatentMap} map @param {ParentNode} root */
  constructor(map, root) {
    this.map = map;
    const at = finder(root);
    this.over = at(".over", HTMLCanvasElement);
    this.imagesButton = at("[data-do=images]");
  }

  /** CSS pixels of a dot. */
  get dot() {
    const n = this.map.data?.count ?? 0;
    return this.size || (n < 3_000 ? 6 : n < 20_000 ? 4 : 3);
  }

  /** Opacity of a dot. */
  get strength() {
    return this.opacity || ((this.map.data?.count ?? 0) < 20_000 ? 0.85 : 0.7);
  }

  get wantsEllipses() {
    const { data } = this.map;
    return Boolean(data?.ellipses && !data.frames && this.map.toggle("ellipses").checked);
  }

  get wantsImages() {
    return this.imagesButton.getAttribute("aria-pressed") === "true";
  }

  paint() {
    const { data, points, view, scale, surface, tiles } = this.map;
    if (!data || !points || !view.width) return;
    const image = this.#blank(surface);
    this.#inView = points.grid.count(view.box);
    const dense = this.#inView > DENSE;
    if (dense) this.#density.draw(image, points, view, scale);
    else drawDots(image, points, view, { scale, size: this.dot, opacity: this.strength });
    const context = context2d(surface);
    context.putImageData(image, 0, 0);
    if (this.wantsImages) {
      surface.dataset.images = String(tiles.draw(context, points, view, scale, this.#inView));
    }
    this.#writeHint(data);
    this.drawOverlay();
    surface.dataset.first ??= String(performance.now());
    count(surface, "frame");
    surface.dataset.view = `${view.x} ${view.y} ${view.k} ${view.middle.join(" ")}`;
    surface.dataset.inView = String(this.#inView);
    surface.dataset.how = dense ? "density" : "dots";
  }

  /** @param {{ width: number, height: number }} size */
  #blank({ width, height }) {
    if (this.#image?.width === width && this.#image.height === height) this.#image.data.fill(0);
    else this.#image = new ImageData(width, height);
    return this.#image;
  }

  /** @param {MapData} data */
  #writeHint({ decoded }) {
    const hints = [];
    if (this.wantsImages && decoded) {
      hints.push("Decoded from their codes: the images are not on this machine.");
    }
    if (this.wantsEllipses && this.#inView > MOST_ELLIPSES) {
      hints.push(`Zoom in to see σ-ellipses: ${MOST_ELLIPSES} at a time.`);
    }
    const hint = hints.join(" ");
    if (hint === this.hint) return;
    this.hint = hint;
    this.map.say(hint);
  }

  drawOverlay() {
    const { data, points, view, scale, plot } = this.map;
    if (!data || !points) return;
    const context = context2d(this.over);
    const style = getComputedStyle(plot);
    const inks = {
      text: style.getPropertyValue("--st-text-color"),
      ground: style.getPropertyValue("--st-background-color"),
      mark: data.palette.mark,
    };
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    overlay.drawAxes(context, view, data, inks);
    overlay.insidePlot(context, view, () => {
      this.#drawExplanations(context, data, points, inks);
      this.#drawPointedOut(context, data, inks);
    });
  }

  /**
   * @param {overlay.Context} context
   * @param {MapData} data
   * @param {Points} points
   * @param {overlay.Inks} inks
   */
  #drawExplanations(context, data, points, inks) {
    const { view, arrays, places, hidden } = this.map;
    const { colour } = data;
    if (data.prior && this.map.toggle("contours").checked) overlay.drawContours(context, view, inks);
    if (this.wantsEllipses && arrays?.deviations && this.#inView <= MOST_ELLIPSES) {
      overlay.drawEllipses(context, view, points, arrays.deviations);
    }
    if (colour.kind === "classes" && this.map.toggle("names").checked) {
      const wanted = (/** @type {number} */ k) => k !== NO_TONE && !hidden.has(k);
      const medians = overlay.mediansOf(places, arrays?.values ?? [], wanted);
      overlay.drawNames(context, view, medians, colour.names, inks);
    }
  }

  /**
   * @param {overlay.Context} context
   * @param {MapData} data
   * @param {overlay.Inks} inks
   */
  #drawPointedOut(context, data, inks) {
    const { view, hover, pointer } = this.map;
    const rings = [
      { row: data.chosen, least: 7, colour: inks.mark, width: 2.5 },
      { row: hover, least: 6, colour: inks.text, width: 1.5 },
    ];
    for (const { row, least, colour, width } of rings) {
      if (row < 0 || row >= data.count) continue;
      const radius = Math.max(least, this.dot);
      overlay.drawRing(context, this.map.onScreen(row), radius, colour, width, inks);
    }
    if (data.spot) overlay.drawCross(context, view.across(data.spot[0]), view.down(data.spot[1]), inks);
    for (const mark of data.marks ?? []) overlay.drawMark(context, view, mark, inks);
    const { lasso } = pointer;
    if (lasso && lasso.length > 1) overlay.drawLasso(context, lasso, inks);
  }
}
