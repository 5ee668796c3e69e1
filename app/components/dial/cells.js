import { context2d, finder, make } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";
import { toImage } from "../shared/pixels.js";
import { betaText } from "./curve.js";

/** @import { Cell, DialArrays, DialData } from "./types.js" */

/** The pictures of a dial, and which of them is to be renewed next. */
export class Cells {
  /** @type {Cell[]} those that β changes: reconstructions, samples, traversals */
  all = [];
  /** @type {Cell[]} */
  #originals = [];
  /** @type {Cell[]} */
  #rebuilt = [];
  /** @type {Cell[]} */
  #samples = [];
  /** @type {Cell[]} */
  #walks = [];
  #next = 0;

  /** @param {ParentNode} root */
  constructor(root) {
    this.at = finder(root);
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const cell = this.all.find(({ canvas }) => canvas === target);
        if (cell) cell.seen = isIntersecting;
      }
    });
  }

  /** @param {DialData} data @param {DialArrays} arrays makes a canvas for each picture */
  layOut({ header, dims, values }, { images, noise }) {
    this.sight.disconnect();
    const { width, height, channels, latent_dim } = header;
    enlarge(this.at(".pictures"), header);
    const put = (/** @type {string} */ selector, /** @type {number} */ count) => {
      this.at(selector).hidden = !count;
      const cells = Array.from({ length: count }, () => ({
        canvas: make("canvas", { width, height }),
        image: new ImageData(width, height),
        ...{ old: true, busy: false, seen: true, source: null },
      }));
      this.at(`${selector} div`).replaceChildren(...cells.map((cell) => cell.canvas));
      return cells;
    };
    const count = images ? images.length / (width * height * channels) : 0;
    this.#originals = put(".originals", count);
    this.#rebuilt = put(".rebuilt", count);
    this.#samples = put(".samples", noise.length / latent_dim);
    this.#walks = put(".walks", dims.length * values.length);
    const along = dims.map((d) => `z${d}`).join(", ");
    const span = `from ${values[0]} to ${values[values.length - 1]}`.replace("-", "−");
    this.at(".walks figcaption").textContent = `traversals of ${along} ${span}`;
    this.all = [...this.#rebuilt, ...this.#samples, ...this.#walks];
    this.#next = 0;
    for (const { canvas } of this.all) this.sight.observe(canvas);
  }

  /** @param {DialData} data @param {DialArrays} arrays what each picture is made from */
  fill({ header, dims, values }, { images, noise }) {
    const size = header.width * header.height * header.channels;
    const { latent_dim } = header;
    if (images) {
      const image = (/** @type {number} */ i) => images.subarray(i * size, (i + 1) * size);
      this.#originals.forEach(({ canvas }, i) => {
        context2d(canvas).putImageData(toImage(image(i), header), 0, 0);
      });
      this.#rebuilt.forEach((cell, i) => {
        cell.source = { picture: Float32Array.from(image(i), (v) => v / 255) };
      });
    }
    this.#samples.forEach((cell, i) => {
      cell.source = { code: noise.slice(i * latent_dim, (i + 1) * latent_dim) };
    });
    this.#walks.forEach((cell, i) => {
      const code = new Float32Array(latent_dim);
      code[dims[Math.floor(i / values.length)]] = values[i % values.length];
      cell.source = { code };
    });
    for (const cell of this.all) cell.busy = false;
  }

  /** β moved: none is as it should be. */
  age() {
    for (const cell of this.all) cell.old = true;
  }

  /** The first in view, or -1. */
  firstSeen() {
    return this.all.findIndex((cell) => cell.seen);
  }

  /**
   * The picture to renew next, or -1: those in view in turn, so that all keep up alike, then the others.
   *
   * @param {number} [except] the number of one that is left out
   */
  pick(except = -1) {
    const { all } = this;
    let hidden = -1;
    for (let i = 0; i < all.length; i++) {
      const k = (this.#next + i) % all.length;
      const cell = all[k];
      if (!cell.old || cell.busy || !cell.source || k === except) continue;
      if (cell.seen) {
        this.#next = (k + 1) % all.length;
        return k;
      }
      if (hidden < 0) hidden = k;
    }
    return hidden;
  }

  /**
   * @param {Cell} cell
   * @param {ImageData} image
   * @param {number} beta at which it was made
   * @param {number} now the dial's β
   */
  put(cell, image, beta, now) {
    context2d(cell.canvas).putImageData(image, 0, 0);
    cell.canvas.dataset.beta = betaText(beta);
    cell.old = beta !== now;
  }

  close() {
    this.sight.disconnect();
  }
}
