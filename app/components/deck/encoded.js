import { context2d, finder, press, putImage } from "../shared/dom.js";
import { gaussian, roundCode, seeded } from "../shared/latent.js";

/** @import { Deck, Opened } from "./deck.js" */
/** @import { EncodedData } from "./types.js" */

const SAMPLES = 32;
const SPREAD = `Standard deviation of ${SAMPLES} decoded posterior samples of the encoded image, per pixel`;
const UNKNOWN = "The spread of this image's code is not known: start from another image to see it";
const SAME = 6e-4; // codes nearer than this in each dimension are the same

/** @param {number[]} a @param {number[]} b */
const sameCode = (a, b) => a.every((v, d) => Math.abs(v - b[d]) < SAME);

/**
 * The encoded image that the sliders set out from: its picture, comparison with it, and its posterior's
 * uncertainty.
 */
export class EncodedImage {
  /** @type {EncodedData | null} */
  now = null;
  comparing = false;
  /** @type {number[] | null} the code whose uncertainty is shown */
  #sigma = null;

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    this.at = finder(root);
    this.canvas = this.at(".encoded canvas", HTMLCanvasElement);
    this.overlay = this.at("canvas.overlay", HTMLCanvasElement);
    this.sigmaButton = this.at("[data-do=sigma]", HTMLButtonElement);
  }

  forget() {
    this.now = null;
    this.at(".encoded").hidden = true;
  }

  /** @param {EncodedData} encoded @param {boolean} go to its code */
  set(encoded, go) {
    const code = roundCode(encoded.code);
    this.now = { ...encoded, code };
    this.hideSigma();
    if (go) this.deck.jump(code);
    this.draw();
  }

  async draw() {
    const { now: encoded, canvas } = this;
    const { opened } = this.deck;
    this.at(".encoded").hidden = !encoded;
    this.sigmaButton.disabled = !encoded?.std;
    this.sigmaButton.title = encoded?.std ? SPREAD : UNKNOWN;
    if (!encoded || !opened) return;
    this.at("[data-n=encoded]").textContent =
      `encoded: ${encoded.words}${encoded.note ? `, ${encoded.note}` : ""}`;
    if (encoded.image) putImage(canvas, encoded.image);
    else if (encoded.picture) {
      const picture = new Image();
      picture.src = encoded.picture;
      try {
        await picture.decode();
      } catch {
        return;
      }
      const { width, height } = opened.picture.decoder;
      canvas.width = width;
      canvas.height = height;
      context2d(canvas).drawImage(picture, 0, 0, width, height);
    } else {
      const paint = (/** @type {ImageData} */ image) => putImage(canvas, image);
      opened.thumbnails.paint("encoded", [encoded.code], paint, { urgent: true });
    }
  }

  /**
   * While it is looked at, it stays on the picture, whatever else moves.
   *
   * @param {boolean} on
   */
  compare(on) {
    if (this.comparing === on || !this.deck.opened) return;
    this.comparing = on;
    this.at("[data-do=compare]").classList.toggle("on", on);
    this.deck.paint();
  }

  // ---------------------------------------------------------------- uncertainty

  toggleSigma() {
    const { now: encoded, deck } = this;
    if (this.#sigma) return this.hideSigma();
    if (!encoded?.std || !deck.opened) return;
    const kept = [...deck.sliders.locked].filter((d) => Math.abs(deck.code[d] - encoded.code[d]) >= SAME);
    if (kept.length) {
      const names = kept.map((d) => `z${d}`).join(", ");
      return deck.say(`Uncertainty is that of the encoded image's code: unlock ${names} first.`);
    }
    if (!sameCode(deck.code, encoded.code)) deck.jump(encoded.code);
    this.#sigma = encoded.code;
    press(this.sigmaButton, true);
    deck.say(`Decoding ${SAMPLES} posterior samples…`);
    this.#decodeSigma(deck.opened, encoded.code, encoded.std);
  }

  /** @param {Opened} opened @param {number[]} code @param {number[]} std */
  #decodeSigma({ picture, thumbnails }, code, std) {
    const { stamp } = this.deck;
    const { width, height } = picture.decoder;
    const random = seeded(11);
    const codes = Array.from({ length: SAMPLES }, () => code.map((v, d) => v + std[d] * gaussian(random)));
    const deviation = new PixelDeviation(width, height);
    const paint = (/** @type {ImageData} */ image) => {
      deviation.add(image);
      if (deviation.count < SAMPLES || this.#sigma !== code || stamp !== this.deck.stamp) return;
      this.#showSigma(deviation);
    };
    thumbnails.release();
    thumbnails.paint("sigma", codes, paint, { failed: () => this.hideSigma(), urgent: true });
  }

  /** @param {PixelDeviation} deviation */
  #showSigma(deviation) {
    const { overlay, deck } = this;
    const { most, image } = deviation.toImage(deck.given.palette.mark);
    putImage(overlay, image);
    overlay.hidden = false;
    overlay.dataset.most = most.toFixed(4);
    const what = `standard deviation of ${SAMPLES} decoded posterior samples`;
    deck.say(`Orange: ${what}, up to ${most.toFixed(2)} of full brightness.`);
  }

  hideSigma() {
    if (this.#sigma) this.deck.say("");
    this.#sigma = null;
    this.overlay.hidden = true;
    press(this.sigmaButton, false);
  }

  /** @param {number[]} code of the picture: uncertainty is that of one code alone */
  moved(code) {
    if (this.#sigma && !sameCode(code, this.#sigma)) this.hideSigma();
  }
}

/** Standard deviation of pictures per pixel, over its three colours together. */
class PixelDeviation {
  count = 0;

  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.sum = new Float64Array(3 * width * height);
    this.squares = new Float64Array(3 * width * height);
  }

  /** @param {ImageData} image */
  add({ data }) {
    this.count++;
    for (let p = 0, i = 0; i < data.length; i += 4) {
      for (let c = 0; c < 3; c++, p++) {
        const v = data[i + c] / 255;
        this.sum[p] += v;
        this.squares[p] += v * v;
      }
    }
  }

  /**
   * One colour, the more opaque the larger; with the largest, in shares of full brightness.
   *
   * @param {string} colour
   */
  toImage(colour) {
    const { count: n, sum, squares } = this;
    const deviation = new Float64Array(this.width * this.height);
    for (let p = 0; p < deviation.length; p++) {
      let variance = 0;
      for (let c = 3 * p; c < 3 * p + 3; c++) {
        const mean = sum[c] / n;
        variance += Math.max(0, squares[c] / n - mean * mean) / 3;
      }
      deviation[p] = Math.sqrt((variance * n) / (n - 1)); // of a sample
    }
    const most = Math.max(...deviation, 1e-9);
    const [red, green, blue] = [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
    const image = new ImageData(this.width, this.height);
    deviation.forEach((v, p) => {
      image.data.set([red, green, blue, (235 * v) / most], 4 * p);
    });
    return { most, image };
  }
}
