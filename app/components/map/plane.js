import { openDecoder } from "../shared/decoder.js";
import { context2d, offscreen2d, pause } from "../shared/dom.js";
import { enlargeOn } from "../shared/enlarging.js";
import { describe } from "../shared/requests.js";
import { MARGIN } from "./view.js";

/** @import { PictureDecoder } from "../shared/decoder.js" */
/** @import { MapData } from "./types.js" */
/** @import { View } from "./view.js" */

const QUIET = 120; // milliseconds without a change until it begins
const STILL = 150; // milliseconds since the hand moved until it goes on
const BUSY = 250; // milliseconds until a busy server is asked again
const SIZES = [96, 48, 32]; // CSS pixels of a picture's side: coarse at once, finer while nothing moves
const HERE = 4; // pictures at a time where the page decodes
const THERE = 16; // and where the server does not say how many

/** The decoded plane behind the points: every picture is the decode of the code in its middle. */
export class Plane {
  movedAt = 0; // when the hand last moved
  /** @type {PictureDecoder | null} */
  #decoder = null;
  /** @type {OffscreenCanvas | null} */
  #scratch = null;
  #wave = 0; // counts the beginnings, of which the newest stands

  /** @param {HTMLCanvasElement} canvas @param {(text: string) => void} say */
  constructor(canvas, say) {
    this.canvas = canvas;
    this.say = say;
  }

  stop() {
    this.#wave++;
  }

  /** Another plane, or other weights. */
  forget() {
    this.#decoder = this.#scratch = null;
  }

  clear() {
    this.#wave++;
    const context = context2d(this.canvas);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.canvas.dataset.cells = "0";
  }

  /** @param {MapData} data @param {View} view @param {number} scale pixels to a CSS pixel */
  async draw({ run, plane }, view, scale) {
    this.clear();
    if (!plane) return;
    const wave = this.#wave;
    const stale = () => wave !== this.#wave;
    await pause(QUIET);
    if (stale()) return;
    try {
      this.#decoder ??= await openDecoder(run, plane.header);
      const decoder = this.#decoder;
      const batch = decoder.where === "browser" ? HERE : plane.header.batch || THERE;
      const context = context2d(this.canvas);
      context.setTransform(scale, 0, 0, scale, 0, 0);
      enlargeOn(context, plane.header);
      for (const size of SIZES) await this.#cover(decoder, batch, plane, view, size, stale);
    } catch (error) {
      if (!stale()) this.say(`The plane could not be decoded: ${describe(error).message}.`);
    }
  }

  /**
   * Covers the plot with pictures of one size.
   *
   * @param {PictureDecoder} decoder
   * @param {number} batch
   * @param {NonNullable<MapData["plane"]>} plane
   * @param {View} view
   * @param {number} size
   * @param {() => boolean} stale
   */
  async #cover(decoder, batch, plane, view, size, stale) {
    /** @type {[number, number][]} */
    const cells = [];
    for (let y = MARGIN.top; y < view.height - MARGIN.bottom; y += size) {
      for (let x = MARGIN.left; x < view.width - MARGIN.right; x += size) cells.push([x, y]);
    }
    for (let i = 0; i < cells.length; ) {
      await pause(0);
      while (!stale() && performance.now() - this.movedAt < STILL) await pause(STILL);
      if (stale()) return;
      const part = cells.slice(i, i + batch);
      const codes = part.map(([px, py]) => {
        const [u, v] = view.spot(px + size / 2, py + size / 2);
        return plane.mean.map((m, d) => m + u * plane.axes[0][d] + v * plane.axes[1][d]);
      });
      try {
        const images = await decoder.images(codes);
        if (stale()) return;
        part.forEach((cell, k) => {
          this.#put(images[k], cell, size, view);
        });
        this.canvas.dataset.cells = String(Number(this.canvas.dataset.cells) + part.length);
        i += batch;
      } catch (error) {
        if (describe(error).status !== 429) throw error;
        await pause(BUSY);
      }
    }
  }

  /**
   * @param {ImageData} image
   * @param {[number, number]} cell
   * @param {number} size
   * @param {View} view
   */
  #put(image, [x, y], size, view) {
    this.#scratch ??= new OffscreenCanvas(image.width, image.height);
    const scratch = this.#scratch;
    offscreen2d(scratch).putImageData(image, 0, 0);
    const context = context2d(this.canvas);
    // a gap parts the pictures, and those at the edges are cut
    const width = Math.min(size - 1, view.width - MARGIN.right - x);
    const height = Math.min(size - 1, view.height - MARGIN.bottom - y);
    const [w, h] = [(image.width * width) / (size - 1), (image.height * height) / (size - 1)];
    context.clearRect(x, y, size, size);
    context.drawImage(scratch, 0, 0, w, h, x, y, width, height);
  }
}
