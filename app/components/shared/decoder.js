// Decodes codes in the browser: the layer list and float32 buffer that vae_core's browser_decoder writes. Of
// a β dial (browser_dial there) it encodes too, at any β. Pictures are channels-last throughout. Everything
// is allocated once; decode() and encode() return views that they reuse.

import { makeStep } from "./layers.js";
import { toImage } from "./pixels.js";
import { fetchArray, fetchJson, postForBytes, Refused } from "./requests.js";

/** @import { Code, DialHeader, Header } from "./types.js" */

/**
 * What decodes a run's codes: this page, or the server and why. `images(codes)` gives a picture per code.
 *
 * @typedef {{ where: "browser" | "server", why?: string, width: number, height: number,
 *   latent_dim: number, images(codes: Code[]): Promise<ImageData[]> }} PictureDecoder
 */

/** Things that hold RGBA bytes: an ImageData, or what a test gives. */
/** @typedef {{ data: Uint8ClampedArray }} Pixels */

export class Decoder {
  /** @type {"browser"} */
  where = "browser";

  /**
   * @param {Omit<Header, "stamp" | "batch">} header
   * @param {Float32Array} weights
   */
  constructor(header, weights) {
    if (weights.length !== header.floats) throw new Error("the decoder's weights came incomplete");
    this.width = header.width;
    this.height = header.height;
    this.channels = header.channels;
    this.latent_dim = header.latent_dim;
    this.steps = header.layers.map((layer) => makeStep(layer, weights));
  }

  /**
   * @param {Code} code
   * @returns {Float32Array} height * width * channels numbers in [0, 1], reused by the next call
   */
  decode(code) {
    let x = Float32Array.from(code);
    for (const step of this.steps) x = /** @type {Float32Array<ArrayBuffer>} */ (step(x));
    return x;
  }

  /**
   * Paints a code into an ImageData of the picture's own size, whose clamped array rounds.
   *
   * @template {Pixels} Image
   * @param {Code} code
   * @param {Image} image
   * @returns {Image}
   */
  paint(code, image) {
    const x = this.decode(code);
    const out = image.data;
    const grey = this.channels === 1;
    const n = this.height * this.width;
    for (let p = 0, i = 0; p < n; p++) {
      const j = 4 * p;
      if (grey) {
        const v = x[i++] * 255;
        out[j] = v;
        out[j + 1] = v;
        out[j + 2] = v;
      } else {
        out[j] = x[i++] * 255;
        out[j + 1] = x[i++] * 255;
        out[j + 2] = x[i++] * 255;
      }
      out[j + 3] = 255;
    }
    return image;
  }

  /**
   * @param {Code[]} codes
   * @returns {Promise<ImageData[]>}
   */
  async images(codes) {
    return codes.map((code) => this.paint(code, new ImageData(this.width, this.height)));
  }
}

/**
 * A Decoder that turns, with the encoder beside it. turn(beta) takes microseconds: a page may call it per
 * picture.
 */
export class Dial extends Decoder {
  /**
   * @param {DialHeader} header
   * @param {Float32Array} weights
   */
  constructor(header, weights) {
    super({ ...header, layers: header.decoder }, weights);
    this.stamp = header.stamp;
    this.lowest = header.lowest;
    this.highest = header.highest;
    this.middle = header.middle;
    this.reach = header.reach;
    this.encoderSteps = header.encoder.map((layer) => makeStep(layer, weights));
    this.beta = Math.min(Math.max(1, this.lowest), this.highest);
    this.turn(this.beta);
  }

  /**
   * All that is encoded and decoded from here on is at this β.
   *
   * @param {number} beta
   */
  turn(beta) {
    const { lowest, highest } = this;
    if (!(beta >= lowest && beta <= highest)) {
      throw new RangeError(`β = ${beta} is not on this dial, which goes from ${lowest} to ${highest}`);
    }
    const t = (Math.log(beta) - this.middle) / this.reach;
    for (const step of this.encoderSteps) step.turn?.(t);
    for (const step of this.steps) step.turn?.(t);
    this.beta = beta;
    return this;
  }

  /**
   * @param {Float32Array} picture height * width * channels numbers in [0, 1]
   * @returns {{ mean: Float32Array, logVar: Float32Array }} `latent_dim` numbers each, reused by the next
   *   call
   */
  encode(picture) {
    const { height, width, channels } = this;
    if (picture.length !== height * width * channels) {
      throw new RangeError(`a picture of ${height} × ${width} × ${channels} numbers was expected`);
    }
    let x = picture;
    for (const step of this.encoderSteps) x = step(x);
    return { mean: x.subarray(0, this.latent_dim), logVar: x.subarray(this.latent_dim) };
  }

  /**
   * A picture by the mean of its posterior at this β, or a code.
   *
   * @template {Pixels} Image
   * @param {DialSource} source
   * @param {Image} image
   */
  paintSource(source, image) {
    return this.paint("picture" in source ? this.encode(source.picture).mean : source.code, image);
  }
}

/**
 * @typedef {{ picture: Float32Array } | { code: Float32Array }} DialSource what a picture of a dial is made
 *   from
 */

/**
 * @param {string} run
 * @param {Header} [known] the header where the page has it already, which saves a round trip
 */
export async function loadDecoder(run, known) {
  /** @type {Header} */
  const header = known ?? (await fetchJson(`/api/runs/${run}/decoder.json`));
  return new Decoder(header, await fetchArray(`/api/runs/${run}/decoder-${header.stamp}.bin`, Float32Array));
}

/**
 * Both networks of a run with a β dial, at β = 1 until it is turned. A network beyond what a page is given
 * (no layers) is refused, as a run without a dial is by the server.
 *
 * @param {string} run
 * @param {DialHeader} [known]
 */
export async function loadDial(run, known) {
  /** @type {DialHeader} */
  const header = known ?? (await fetchJson(`/api/runs/${run}/dial.json`));
  if (!header.decoder.length) throw new Refused("this network is too large to be turned in the browser", 413);
  return new Dial(header, await fetchArray(`/api/runs/${run}/dial-${header.stamp}.bin`, Float32Array));
}

/**
 * This page where the header carries layers, else the server (too large a network, or of a kind that the
 * browser does not know).
 *
 * @param {string} run
 * @param {Header} header
 * @returns {Promise<Decoder | ServerDecoder>}
 */
export async function openDecoder(run, header) {
  return header.layers.length ? loadDecoder(run, header) : new ServerDecoder(run, header);
}

export class ServerDecoder {
  /** @type {"server"} */
  where = "server";

  /**
   * @param {string} run
   * @param {Header} header
   */
  constructor(run, header) {
    this.run = run;
    this.header = header;
    this.why = header.why ?? "";
    this.width = header.width;
    this.height = header.height;
    this.latent_dim = header.latent_dim;
  }

  /**
   * @param {Code[]} codes
   * @returns {Promise<ImageData[]>}
   */
  async images(codes) {
    const { stamp, batch, width, height, channels } = this.header;
    const size = width * height * channels;
    /** @type {ImageData[]} */
    const found = [];
    for (let i = 0; i < codes.length; i += batch) {
      const part = codes.slice(i, i + batch);
      const sent = Float32Array.from(part.flatMap((code) => [...code]));
      const bytes = await postForBytes(`/api/runs/${this.run}/decode?stamp=${stamp}`, sent);
      part.forEach((_, k) => {
        found.push(toImage(bytes.subarray(k * size, (k + 1) * size), this.header));
      });
    }
    return found;
  }
}
