// The steps of a network, made of its layers once; each reuses the array that it returns.

import { conv, down, up } from "./simd.js";

/** @import { Gate, Layer } from "./types.js" */
/** @typedef {((x: Float32Array) => Float32Array) & { turn?: (t: number) => void }} Step */

/**
 * @param {Layer} layer
 * @param {Float32Array} weights all of the network's
 * @returns {Step}
 */
export function makeStep(layer, weights) {
  if (layer.kind === "linear") return linear(layer, weights);
  if (layer.kind === "up") return up(layer, weights);
  if (layer.kind === "down") return down(layer, weights);
  if (layer.kind === "conv") return conv(layer, weights);
  if (layer.kind === "norm") return norm(layer, weights);
  if (layer.kind === "residual") return residual(layer.layers, weights);
  if (layer.kind === "gate") return gate(layer, weights);
  if (layer.kind === "relu") return relu;
  if (layer.kind === "silu") return silu;
  if (layer.kind === "sigmoid") return sigmoid;
  throw new Error(`the browser does not know the layer ${/** @type {any} */ (layer).kind}`);
}

/** @param {Float32Array} x */
function relu(x) {
  for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
  return x;
}

/** @param {Float32Array} x */
function sigmoid(x) {
  for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-x[i]));
  return x;
}

/** @param {Float32Array} x */
function silu(x) {
  for (let i = 0; i < x.length; i++) x[i] /= 1 + Math.exp(-x[i]);
  return x;
}

/**
 * x + the layers' result: x is kept aside, since they may compute in place.
 *
 * @param {Layer[]} layers
 * @param {Float32Array} weights
 * @returns {Step}
 */
function residual(layers, weights) {
  const steps = layers.map((layer) => makeStep(layer, weights));
  let kept = new Float32Array(0);
  return (x) => {
    if (kept.length !== x.length) kept = new Float32Array(x.length);
    kept.set(x);
    let y = x;
    for (const step of steps) y = step(y);
    for (let i = 0; i < kept.length; i++) kept[i] += y[i];
    return kept;
  };
}

/**
 * Group normalisation of a channels-last picture: neighbouring channels, a group of them over all pixels, get
 * mean 0 and variance 1, then each channel its own scale and shift. Wu & He 2018.
 *
 * @param {Extract<Layer, { kind: "norm" }>} layer
 * @param {Float32Array} weights
 * @returns {Step}
 */
function norm({ channels, groups, epsilon, weight, bias }, weights) {
  const each = channels / groups;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const scale = new Float64Array(channels);
  const shift = new Float64Array(channels);
  let out = new Float32Array(0);
  return (x) => {
    if (out.length !== x.length) out = new Float32Array(x.length);
    sums.fill(0);
    squares.fill(0);
    for (let i = 0; i < x.length; ) {
      for (let c = 0; c < channels; c++, i++) {
        sums[c] += x[i];
        squares[c] += x[i] * x[i];
      }
    }
    const count = (x.length / channels) * each;
    for (let first = 0; first < channels; first += each) {
      let sum = 0;
      let square = 0;
      for (let c = first; c < first + each; c++) {
        sum += sums[c];
        square += squares[c];
      }
      const mean = sum / count;
      const factor = 1 / Math.sqrt(Math.max(0, square / count - mean * mean) + epsilon);
      for (let c = first; c < first + each; c++) {
        scale[c] = factor * weights[weight + c];
        shift[c] = weights[bias + c] - mean * scale[c];
      }
    }
    for (let i = 0; i < x.length; ) {
      for (let c = 0; c < channels; c++, i++) out[i] = x[i] * scale[c] + shift[c];
    }
    return out;
  };
}

/**
 * @param {Extract<Layer, { kind: "linear" }>} layer
 * @param {Float32Array} weights
 * @returns {Step}
 */
function linear({ inputs, outputs, weight, bias }, weights) {
  const w = weights.subarray(weight, weight + inputs * outputs);
  const b = weights.subarray(bias, bias + outputs);
  const out = new Float32Array(outputs);
  return (x) => {
    for (let o = 0, k = 0; o < outputs; o++) {
      // four sums at a time: one alone waits for each addition before the next
      let s0 = b[o];
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      let i = 0;
      for (; i + 3 < inputs; i += 4, k += 4) {
        s0 += w[k] * x[i];
        s1 += w[k + 1] * x[i + 1];
        s2 += w[k + 2] * x[i + 2];
        s3 += w[k + 3] * x[i + 3];
      }
      for (; i < inputs; i++, k++) s0 += w[k] * x[i];
      out[o] = s0 + s1 + s2 + s3;
    }
    return out;
  };
}

/**
 * Scales and shifts each unit or channel in place, by what turn(t) worked out. On a layer's outputs that is
 * the layer with its weights scaled by row, and costs a thousandth of scaling those anew whenever β moves.
 *
 * @param {Gate} layer
 * @param {Float32Array} weights
 * @returns {Step}
 */
function gate({ units, degree, scale, shift }, weights) {
  const s = new Float64Array(units);
  const b = new Float64Array(units);
  /** @type {Step} */
  const step = (x) => {
    for (let i = 0; i < x.length; ) for (let u = 0; u < units; u++, i++) x[i] = x[i] * s[u] + b[u];
    return x;
  };
  step.turn = (t) => {
    s.fill(1);
    b.fill(0);
    for (let k = 0, power = t; k < degree; k++, power *= t) {
      for (let u = 0; u < units; u++) {
        s[u] += power * weights[scale + k * units + u];
        b[u] += power * weights[shift + k * units + u];
      }
    }
  };
  return step;
}
