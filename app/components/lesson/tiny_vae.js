// A small variational autoencoder that learns in the page: one hidden layer each way, a two-number code, a
// Bernoulli likelihood, Adam. Nothing here touches the page; equal seeds give equal numbers.
// Kingma & Welling 2014, Auto-Encoding Variational Bayes; Kingma & Ba 2015, Adam.

import { gaussian, seeded } from "../shared/latent.js";

const CODE = 2;
const LEAST_LOG_VAR = -12; // beyond it a spread is numerically nothing
const ADAM = { first: 0.9, second: 0.99, tiny: 1e-8 };

/**
 * A layer's weights within the flat array of all: `weight` (outputs, inputs), then `bias`.
 *
 * @typedef {{ inputs: number, outputs: number, weight: number, bias: number }} Linear
 */

/** @typedef {{ distortion: number, rate: number }} Costs nats per image */

export class TinyVae {
  /** @param {{ pixels: number, hidden?: number, seed?: number, learningRate?: number }} settings */
  constructor({ pixels, hidden = 32, seed = 0, learningRate = 0.01 }) {
    this.pixels = pixels;
    this.hidden = hidden;
    this.learningRate = learningRate;
    this.random = seeded(seed);
    let size = 0;
    /** @param {number} inputs @param {number} outputs @returns {Linear} */
    const linear = (inputs, outputs) => {
      const layer = { inputs, outputs, weight: size, bias: size + inputs * outputs };
      size += (inputs + 1) * outputs;
      return layer;
    };
    this.layers = {
      hear: linear(pixels, hidden),
      say: linear(hidden, 2 * CODE), // means, then log variances
      open: linear(CODE, hidden),
      paint: linear(hidden, pixels),
    };
    this.weights = new Float64Array(size);
    this.slopes = new Float64Array(size);
    this.momentum = new Float64Array(size);
    this.squares = new Float64Array(size);
    this.steps = 0;
    for (const { inputs, outputs, weight } of Object.values(this.layers)) {
      const spread = 1 / Math.sqrt(inputs);
      for (let k = 0; k < inputs * outputs; k++) this.weights[weight + k] = spread * gaussian(this.random);
    }
    this.heard = new Float64Array(hidden);
    this.said = new Float64Array(2 * CODE);
    this.code = new Float64Array(CODE);
    this.opened = new Float64Array(hidden);
    this.logits = new Float64Array(pixels);
    this.back = { logits: new Float64Array(pixels), hidden: new Float64Array(hidden) };
    this.codeSlope = new Float64Array(CODE);
    this.saidSlope = new Float64Array(2 * CODE);
  }

  /**
   * The posterior of an image: means, then log variances.
   *
   * @param {ArrayLike<number>} x (pixels) in [0, 1]
   * @returns {Float64Array} (4), which the next call overwrites
   */
  encode(x) {
    this.#through(this.layers.hear, x, this.heard, true);
    this.#through(this.layers.say, this.heard, this.said, false);
    for (let d = CODE; d < 2 * CODE; d++) this.said[d] = Math.max(LEAST_LOG_VAR, this.said[d]);
    return this.said;
  }

  /**
   * What a code is drawn as.
   *
   * @param {ArrayLike<number>} z (2)
   * @returns {Float64Array} (pixels) in [0, 1], new
   */
  decode(z) {
    this.#through(this.layers.open, z, this.opened, true);
    this.#through(this.layers.paint, this.opened, this.logits, false);
    return this.logits.map((v) => 1 / (1 + Math.exp(-v)));
  }

  /**
   * Costs of one image on one draw of noise. The gradient of distortion + β · rate is added to `slopes`,
   * times `share`, unless that is 0.
   *
   * @param {ArrayLike<number>} x (pixels) in [0, 1]
   * @param {ArrayLike<number>} eps (2)
   * @param {number} beta
   * @param {number} [share]
   * @returns {Costs}
   */
  costs(x, eps, beta, share = 0) {
    const { hear, say, open, paint } = this.layers;
    const { said, code, logits, back } = this;
    this.encode(x);
    let rate = 0;
    for (let d = 0; d < CODE; d++) {
      const [mean, logVar] = [said[d], said[CODE + d]];
      code[d] = mean + Math.exp(0.5 * logVar) * eps[d];
      rate += 0.5 * (mean ** 2 + Math.exp(logVar) - 1 - logVar);
    }
    this.#through(open, code, this.opened, true);
    this.#through(paint, this.opened, logits, false);
    let distortion = 0;
    for (let p = 0; p < this.pixels; p++) {
      const v = logits[p];
      distortion += Math.max(v, 0) - v * x[p] + Math.log1p(Math.exp(-Math.abs(v)));
      back.logits[p] = share * (1 / (1 + Math.exp(-v)) - x[p]);
    }
    if (!share) return { distortion, rate };
    this.#backThrough(paint, this.opened, back.logits, back.hidden, true);
    this.#backThrough(open, code, back.hidden, this.codeSlope, false);
    for (let d = 0; d < CODE; d++) {
      const variance = Math.exp(said[CODE + d]);
      this.saidSlope[d] = this.codeSlope[d] + share * beta * said[d];
      const free = said[CODE + d] > LEAST_LOG_VAR;
      this.saidSlope[CODE + d] = free
        ? 0.5 * this.codeSlope[d] * eps[d] * Math.sqrt(variance) + 0.5 * share * beta * (variance - 1)
        : 0;
    }
    this.#backThrough(say, this.heard, this.saidSlope, back.hidden, true);
    this.#backThrough(hear, x, back.hidden, null, false);
    return { distortion, rate };
  }

  /**
   * One step of Adam on some images.
   *
   * @param {ArrayLike<number>[]} images
   * @param {number} beta
   * @returns {Costs} of these images, before the step
   */
  step(images, beta) {
    this.slopes.fill(0);
    let [distortion, rate] = [0, 0];
    for (const x of images) {
      const eps = [gaussian(this.random), gaussian(this.random)];
      const found = this.costs(x, eps, beta, 1 / images.length);
      distortion += found.distortion / images.length;
      rate += found.rate / images.length;
    }
    this.steps += 1;
    const { weights, slopes, momentum, squares } = this;
    const { first, second, tiny } = ADAM;
    const rateNow = (this.learningRate * Math.sqrt(1 - second ** this.steps)) / (1 - first ** this.steps);
    for (let k = 0; k < weights.length; k++) {
      momentum[k] += (1 - first) * (slopes[k] - momentum[k]);
      squares[k] += (1 - second) * (slopes[k] ** 2 - squares[k]);
      weights[k] -= (rateNow * momentum[k]) / (Math.sqrt(squares[k]) + tiny);
    }
    return { distortion, rate };
  }

  /**
   * One step on a batch drawn from all images.
   *
   * @param {ArrayLike<number>[]} images
   * @param {number} beta
   * @param {number} [size]
   */
  learn(images, beta, size = 32) {
    const pick = () => images[Math.floor(this.random() * images.length)];
    return this.step(Array.from({ length: size }, pick), beta);
  }

  /**
   * Costs of all images, a draw each; the noise is the same at each call.
   *
   * @param {ArrayLike<number>[]} images
   * @returns {Costs}
   */
  measure(images) {
    const random = seeded(1);
    let [distortion, rate] = [0, 0];
    for (const x of images) {
      const found = this.costs(x, [gaussian(random), gaussian(random)], 1);
      distortion += found.distortion / images.length;
      rate += found.rate / images.length;
    }
    return { distortion, rate };
  }

  /**
   * @param {Linear} layer
   * @param {ArrayLike<number>} from
   * @param {Float64Array} to
   * @param {boolean} bent by tanh
   */
  #through({ inputs, outputs, weight, bias }, from, to, bent) {
    const { weights } = this;
    for (let o = 0; o < outputs; o++) {
      let sum = weights[bias + o];
      const row = weight + o * inputs;
      for (let i = 0; i < inputs; i++) sum += weights[row + i] * from[i];
      to[o] = bent ? Math.tanh(sum) : sum;
    }
  }

  /**
   * Adds a layer's gradients, and gives that of what went in, through its tanh where it has one.
   *
   * @param {Linear} layer
   * @param {ArrayLike<number>} from what went in
   * @param {Float64Array} slope by what came out
   * @param {Float64Array | null} to where the gradient of what went in is written
   * @param {boolean} bent whether what went in came out of a tanh
   */
  #backThrough({ inputs, outputs, weight, bias }, from, slope, to, bent) {
    const { weights, slopes } = this;
    to?.fill(0);
    for (let o = 0; o < outputs; o++) {
      const g = slope[o];
      if (!g) continue;
      slopes[bias + o] += g;
      const row = weight + o * inputs;
      for (let i = 0; i < inputs; i++) slopes[row + i] += g * from[i];
      if (to) for (let i = 0; i < inputs; i++) to[i] += g * weights[row + i];
    }
    if (to && bent) for (let i = 0; i < inputs; i++) to[i] *= 1 - from[i] ** 2;
  }
}
