import { context2d, fitCanvas, pause } from "./dom.js";
import { toImage } from "./pixels.js";
import { describe, post } from "./requests.js";

/** @import { PictureSize } from "./types.js" */

const PEN = 16; // pixels of the pad, whose side is 196: as wide as MNIST's strokes are in their 28
const INK = 25; // grey values up to this are no ink: as vae_core.data.user.drawing takes it
const BUSY = 150; // milliseconds until a busy server is asked again

/**
 * An answer of /encode: the posterior of the drawing and the picture that was encoded, uint8 in base64.
 *
 * @typedef {PictureSize & { mean: number[], std: number[], picture: string }} Encoded
 */
/** @typedef {Encoded & { run: string, stamp: string }} Drawing with what encoded it */

/**
 * @typedef {object} PadOptions
 * @property {HTMLCanvasElement} canvas the pad
 * @property {HTMLCanvasElement} seen shows what is encoded
 * @property {() => { run: string, stamp: string }} weights of what the code is to be
 * @property {(found: Drawing, image: ImageData) => void} answered gets each answer that is still wanted
 * @property {(found: Drawing) => void} [rested] gets the newest one once the pen is lifted
 * @property {(error: unknown) => void} refused hears what went wrong; if it has found new weights when it is
 *   done, the drawing is encoded by those
 */

/**
 * A pad on which a digit is drawn with mouse or finger. The server encodes it while it is drawn: one request
 * is under way, and afterwards one more if the drawing went on, so that the newest wins.
 */
export class DrawingPad {
  down = false;
  #wanted = false;
  #busy = false;
  #open = true;
  #sheet = 0; // counts how often it was wiped
  /** @type {Drawing | null} */
  #newest = null;

  /** @param {PadOptions} options */
  constructor(options) {
    this.options = options;
    const { canvas } = options;
    this.pen = context2d(canvas, { willReadFrequently: true });
    canvas.onpointerdown = (event) => this.#press(event);
    canvas.onpointermove = (event) => this.#move(event);
    canvas.onpointerup = canvas.onpointercancel = () => this.#lift();
    this.clear();
    canvas.dataset.ready = ""; // from here on a pen is followed
  }

  get empty() {
    return !this.#drawn();
  }

  clear() {
    this.#sheet++; // an answer that is under way is of a drawing that is gone
    this.#newest = null;
    const { canvas, seen } = this.options;
    this.pen.fillStyle = "#000";
    this.pen.fillRect(0, 0, canvas.width, canvas.height);
    context2d(seen).clearRect(0, 0, seen.width, seen.height);
  }

  close() {
    this.#open = false;
    const { canvas } = this.options;
    delete canvas.dataset.ready;
    canvas.onpointerdown = canvas.onpointermove = canvas.onpointerup = canvas.onpointercancel = null;
  }

  async encode() {
    this.#wanted = true;
    if (this.#busy) return;
    this.#busy = true;
    while (this.#wanted && this.#open) {
      this.#wanted = false;
      const grey = this.#drawn();
      if (!grey) break;
      await this.#encodeOnce(grey);
    }
    this.#busy = false;
    this.#reportWhenIdle();
  }

  /** @param {Uint8Array<ArrayBuffer>} grey */
  async #encodeOnce(grey) {
    const { canvas, seen, weights, answered, refused } = this.options;
    const sheet = this.#sheet;
    const { run, stamp } = weights();
    const stale = () => !this.#open || sheet !== this.#sheet || run !== weights().run;
    try {
      const query = `stamp=${stamp}&width=${canvas.width}&height=${canvas.height}`;
      /** @type {Encoded} */
      const found = await (await post(`/api/runs/${run}/encode?${query}`, grey)).json();
      if (stale()) return;
      if (stamp !== weights().stamp) {
        this.#wanted = true;
        return;
      }
      const bytes = Uint8Array.from(atob(found.picture), (letter) => letter.charCodeAt(0));
      const image = toImage(bytes, found);
      fitCanvas(seen, found);
      context2d(seen).putImageData(image, 0, 0);
      this.#newest = { ...found, run, stamp };
      answered(this.#newest, image);
    } catch (error) {
      if (stale()) return;
      if (describe(error).status === 429) {
        await pause(BUSY);
        this.#wanted = true;
        return;
      }
      await refused(error);
      if (!stale() && stamp !== weights().stamp) this.#wanted = true;
    }
  }

  /** The pad's grey values, or null where there is no ink. */
  #drawn() {
    const { width, height } = this.options.canvas;
    const { data } = this.pen.getImageData(0, 0, width, height);
    const grey = new Uint8Array(width * height);
    let ink = false;
    for (let p = 0; p < grey.length; p++) {
      grey[p] = data[4 * p];
      ink ||= grey[p] > INK;
    }
    return ink ? grey : null;
  }

  #reportWhenIdle() {
    if (this.down || this.#busy || !this.#newest) return;
    const found = this.#newest;
    this.#newest = null;
    this.options.rested?.(found);
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  #spot(event) {
    const { canvas } = this.options;
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    return [x, ((event.clientY - box.top) / box.height) * canvas.height];
  }

  /** @param {PointerEvent} event */
  #press(event) {
    this.options.canvas.setPointerCapture(event.pointerId);
    this.down = true;
    Object.assign(this.pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    this.pen.beginPath();
    this.pen.moveTo(...this.#spot(event));
    this.pen.lineTo(...this.#spot(event));
    this.pen.stroke();
    this.encode();
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.down) return;
    this.pen.lineTo(...this.#spot(event));
    this.pen.stroke();
    this.encode();
  }

  #lift() {
    this.down = false;
    this.#reportWhenIdle();
  }
}
