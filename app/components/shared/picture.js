import { openDecoder } from "./decoder.js";
import { context2d, count, fitCanvas, pause } from "./dom.js";
import { describe, onItsWay, weightsOf } from "./requests.js";
import { kernelFaults } from "./simd.js";

/** @import { Code, Header } from "./types.js" */
/** @import { PictureDecoder } from "./decoder.js" */

const SLOW = 1000; // milliseconds until the person is told that the server still decodes
const BUSY = 150; // milliseconds until a busy server is asked again

/**
 * Who decodes, as a page says it.
 *
 * @param {{ where: "browser" | "server", why?: string }} decoder
 */
export function decodedBy({ where, why }) {
  if (where === "server") return why ? `decoded by the server: ${why}` : "decoded by the server";
  if (!kernelFaults.length) return "decoded in this page";
  return `decoded in this page without WebAssembly, several times slower (${kernelFaults[0]})`;
}

/**
 * Opens a canvas that shows what a code decodes to. Its `draw(code)` may be called as often as wanted: the
 * newest code is painted within the next frame, or as soon as the server answers.
 *
 * @param {object} given
 * @param {string} given.run
 * @param {Header} given.header
 * @param {HTMLCanvasElement} given.canvas
 * @param {(text: string) => void} [given.say] gets what went wrong or is waited for, and "" when it is well
 */
export async function openPicture({ run, header, canvas, say = () => {} }) {
  const decoder = await onItsWay(openDecoder(run, header), weightsOf(header.floats), say);
  return new Picture(decoder, canvas, say);
}

export class Picture {
  /**
   * @type {((code: Code) => void) | null} follows each picture: what is written beside it is the code that
   *   made it
   */
  onpaint = null;
  /** @type {((error: unknown) => void) | null} */
  onrefused = null;

  /** @type {Code | null} the newest code that is not painted yet */
  #wanted = null;
  #scheduled = 0;
  #asking = false;
  #open = true;
  #failed = false;

  /**
   * @param {PictureDecoder & { paint?: (code: Code, image: ImageData) => ImageData }} decoder
   * @param {HTMLCanvasElement} canvas
   * @param {(text: string) => void} say
   */
  constructor(decoder, canvas, say) {
    this.decoder = decoder;
    this.where = decoder.where;
    this.why = decoder.why;
    this.canvas = canvas;
    this.say = say;
    this.context = context2d(canvas);
    this.image = decoder.paint ? new ImageData(decoder.width, decoder.height) : null;
    canvas.dataset.frame ??= "0";
  }

  /** @param {Code} code */
  draw(code) {
    this.#wanted = code;
    if (this.image) this.#scheduled ||= requestAnimationFrame(() => this.#paintHere());
    else if (!this.#asking) this.#askServer();
  }

  close() {
    this.#open = false;
    cancelAnimationFrame(this.#scheduled);
  }

  // only when something is painted: a picture that was asked for and given up must not clear its successor's
  /** @param {ImageData} image @param {Code} code */
  #show(image, code) {
    fitCanvas(this.canvas, this.decoder);
    this.context.putImageData(image, 0, 0);
    count(this.canvas, "frame");
    this.onpaint?.(code);
  }

  #paintHere() {
    this.#scheduled = 0;
    const code = this.#wanted;
    if (!this.#open || !code || !this.image || !this.decoder.paint) return;
    this.#wanted = null;
    this.#show(this.decoder.paint(code, this.image), code);
  }

  async #askServer() {
    this.#asking = true;
    while (this.#open && this.#wanted) {
      const code = this.#wanted;
      this.#wanted = null;
      // what went wrong with the one before stands until this one is there
      const slow = this.#failed
        ? undefined
        : setTimeout(() => this.say("The server is still decoding…"), SLOW);
      try {
        const [found] = await this.decoder.images([code]);
        if (!this.#open) break;
        this.#failed = false;
        this.say("");
        this.#show(found, code);
      } catch (error) {
        if (!this.#open) break;
        await this.#refused(error, code);
      } finally {
        clearTimeout(slow);
      }
    }
    this.#asking = false;
  }

  /** @param {unknown} error @param {Code} code */
  async #refused(error, code) {
    this.onrefused?.(error);
    const { status, message } = describe(error);
    if (status === 429) {
      // busy: try again with whatever is newest then
      await pause(BUSY);
      this.#wanted ??= code;
      return;
    }
    // a deleted run and new weights are the component's to tell of
    this.#failed = !(this.onrefused && (status === 404 || status === 410));
    if (this.#failed) this.say(`The server could not decode this: ${message}.`);
  }
}
