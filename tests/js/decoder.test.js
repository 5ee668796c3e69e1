// The layers of a network as the page computes them, against plain loops written down from their definitions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Decoder, Dial } from "../../app/components/shared/decoder.js";
import { makeStep } from "../../app/components/shared/layers.js";
import { convByLoops, downByLoops, upByLoops } from "../../app/components/shared/loops.js";
import { conv, down, kernelFaults, up } from "../../app/components/shared/simd.js";
import { close, numbers } from "./helpers.js";

/** @import { Convolution, Layer } from "../../app/components/shared/types.js" */

/**
 * out[y, x, o] = bias[o] + sum over ky, kx, i of in[2 y + ky - 1, 2 x + kx - 1, i] w[ky, kx, i, o]
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @param {Float32Array} x
 */
function plainDown({ inputs, outputs, side, weight, bias }, weights, x) {
  const half = side / 2;
  const out = new Float64Array(half * half * outputs);
  for (let y = 0; y < half; y++)
    for (let px = 0; px < half; px++)
      for (let o = 0; o < outputs; o++) {
        let sum = weights[bias + o];
        for (let ky = 0; ky < 4; ky++)
          for (let kx = 0; kx < 4; kx++) {
            const iy = 2 * y + ky - 1;
            const ix = 2 * px + kx - 1;
            if (iy < 0 || ix < 0 || iy >= side || ix >= side) continue;
            for (let i = 0; i < inputs; i++) {
              const w = weights[weight + ((ky * 4 + kx) * inputs + i) * outputs + o];
              sum += x[(iy * side + ix) * inputs + i] * w;
            }
          }
        out[(y * half + px) * outputs + o] = sum;
      }
  return out;
}

/**
 * Every input pixel adds itself, weighted, to the 4 × 4 outputs around it.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @param {Float32Array} x
 */
function plainUp({ inputs, outputs, side, weight, bias }, weights, x) {
  const wide = 2 * side;
  const out = new Float64Array(wide * wide * outputs);
  for (let p = 0; p < wide * wide; p++)
    for (let o = 0; o < outputs; o++) out[p * outputs + o] = weights[bias + o];
  for (let y = 0; y < side; y++)
    for (let px = 0; px < side; px++)
      for (let ky = 0; ky < 4; ky++)
        for (let kx = 0; kx < 4; kx++) {
          const oy = 2 * y + ky - 1;
          const ox = 2 * px + kx - 1;
          if (oy < 0 || ox < 0 || oy >= wide || ox >= wide) continue;
          for (let i = 0; i < inputs; i++)
            for (let o = 0; o < outputs; o++) {
              const w = weights[weight + ((ky * 4 + kx) * inputs + i) * outputs + o];
              out[(oy * wide + ox) * outputs + o] += x[(y * side + px) * inputs + i] * w;
            }
        }
  return out;
}

/**
 * out[y, x, o] = bias[o] + sum over ky, kx, i of in[y + ky - f, x + kx - f, i] w[ky, kx, i, o]
 *
 * where f = (size - 1) / 2.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @param {Float32Array} x
 */
function plainConv({ inputs, outputs, side, size = 3, weight, bias }, weights, x) {
  const out = new Float64Array(side * side * outputs);
  for (let y = 0; y < side; y++)
    for (let px = 0; px < side; px++)
      for (let o = 0; o < outputs; o++) {
        let sum = weights[bias + o];
        for (let ky = 0; ky < size; ky++)
          for (let kx = 0; kx < size; kx++) {
            const iy = y + ky - (size - 1) / 2;
            const ix = px + kx - (size - 1) / 2;
            if (iy < 0 || ix < 0 || iy >= side || ix >= side) continue;
            for (let i = 0; i < inputs; i++) {
              const w = weights[weight + ((ky * size + kx) * inputs + i) * outputs + o];
              sum += x[(iy * side + ix) * inputs + i] * w;
            }
          }
        out[(y * side + px) * outputs + o] = sum;
      }
  return out;
}

const PLAIN = { up: plainUp, down: plainDown, conv: plainConv };
const WAYS = { up: [up, upByLoops], down: [down, downByLoops], conv: [conv, convByLoops] };

/**
 * Inputs, outputs and side, and the size of a kernel that keeps the side: in and out of blocks of four.
 *
 * @type {[Convolution["kind"], number, number, number, number?][]}
 */
const SHAPES = [
  ["up", 16, 16, 4],
  ["up", 6, 5, 4],
  ["up", 8, 3, 8],
  ["up", 2, 1, 4],
  ["up", 3, 4, 4],
  ["up", 4, 4, 6],
  ["down", 3, 8, 16],
  ["down", 1, 5, 8],
  ["down", 8, 16, 8],
  ["down", 2, 4, 12],
  ["down", 2, 3, 4],
  ["conv", 16, 16, 4],
  ["conv", 4, 5, 8],
  ["conv", 8, 3, 12],
  ["conv", 3, 4, 4],
  ["conv", 4, 8, 6],
  ["conv", 8, 16, 4, 1],
  ["conv", 6, 3, 4, 1],
  ["conv", 4, 4, 8, 5],
];

for (const [kind, inputs, outputs, side, size = 3] of SHAPES) {
  const name = `${kind} (${size}), ${inputs} to ${outputs} channels of side ${side}`;
  test(`${name}, is what its definition says`, () => {
    const bias = (kind === "conv" ? size ** 2 : 16) * inputs * outputs;
    /** @type {Convolution} */
    const layer = { kind, inputs, outputs, side, size, weight: 0, bias };
    const weights = numbers(bias + outputs, 1);
    const x = numbers(side * side * inputs, 2);
    for (let i = 0; i < x.length / 2; i++) x[i] = Math.max(0, x[i]); // as after a ReLU: half of them are 0
    const wanted = PLAIN[kind](layer, weights, x);
    for (const make of WAYS[kind]) {
      const step = make(layer, weights);
      step(x.map((v) => 3 - v)); // of which nothing may be left
      close(step(x), wanted, 2e-5);
    }
  });
}

test("WebAssembly ran without a fault", () => {
  assert.deepEqual(kernelFaults, []);
});

test("a group of channels gets mean 0 and variance 1, then each channel its scale and shift", () => {
  const layer = /** @type {const} */ ({ kind: "norm", channels: 4, groups: 2, weight: 0, bias: 4 });
  // two pixels: the first group holds 1, 3, 5, 7 (mean 4, variance 5), the second 2, 2, 2, 2
  const x = Float32Array.of(1, 3, 2, 2, 5, 7, 2, 2);
  const step = makeStep({ ...layer, epsilon: 0.25 }, Float32Array.of(1, 2, 3, 4, 0, 1, 5, 6));
  const f = 1 / Math.sqrt(5.25);
  step(x.map((v) => -v)); // of which nothing may be left
  close(step(x), [-3 * f, 1 - 2 * f, 5, 6, f, 1 + 6 * f, 5, 6], 1e-6);
});

test("a residual adds what its layers make of a picture, which they may change, to the picture", () => {
  const silu = (/** @type {number} */ v) => v / (1 + Math.exp(-v));
  const step = makeStep(
    { kind: "residual", layers: [{ kind: "silu" }, { kind: "relu" }] },
    new Float32Array(0),
  );
  for (const x of [
    [3, -1, 0],
    [-2, 100, 0.5],
  ]) {
    close(
      step(Float32Array.from(x)),
      x.map((v) => v + Math.max(0, silu(v))),
      1e-5,
    );
  }
});

/** A decoder of 2 numbers to 1 × 2 pixels, by hand. */
const TINY = {
  layers: /** @type {Layer[]} */ ([
    { kind: "linear", inputs: 2, outputs: 2, weight: 0, bias: 4 },
    { kind: "relu" },
    { kind: "sigmoid" },
  ]),
  ...{ width: 2, height: 1, channels: 1, latent_dim: 2, floats: 6 },
};

test("a decoder computes its layers one after the other and paints what comes out", () => {
  const decoder = new Decoder(TINY, Float32Array.of(1, 2, -3, 1, 0.5, 0));
  // relu(z0 + 2 z1 + 0.5), relu(-3 z0 + z1)
  close(decoder.decode([1, -0.5]), [1 / (1 + Math.exp(-0.5)), 0.5], 1e-6);
  const { data } = decoder.paint([1, -0.5], { data: new Uint8ClampedArray(8) });
  assert.deepEqual([...data], [159, 159, 159, 255, 128, 128, 128, 255]);
  assert.throws(() => new Decoder(TINY, new Float32Array(5)), /incomplete/);
});

test("a dial turns: gates scale and shift by polynomials of log β", () => {
  const gate = { kind: /** @type {const} */ ("gate"), units: 2, degree: 2, scale: 6, shift: 10 };
  const [linear] = TINY.layers;
  const header = {
    ...{ stamp: "s", width: 2, height: 1, channels: 1, latent_dim: 1, floats: 14 },
    ...{
      encoder: [linear, gate],
      decoder: [linear],
      lowest: 0.1,
      highest: 10,
      middle: 0,
      reach: Math.log(10),
    },
  };
  // identity weights; scales (0.5, 0) t + (0, 1) t², shifts (1, 0) t + (0, 0) t²
  const floats = Float32Array.of(1, 0, 0, 1, 0, 0, 0.5, 0, 0, 1, 1, 0, 0, 0);
  const dial = new Dial(header, floats);
  assert.equal(dial.beta, 1);
  const at = (/** @type {number} */ beta) => {
    const { mean, logVar } = dial.turn(beta).encode(Float32Array.of(2, 3));
    return [...mean, ...logVar];
  };
  close(at(1), [2, 3], 1e-6);
  close(at(10), [2 * 1.5 + 1, 3 * 2], 1e-6);
  close(at(0.1), [2 * 0.5 - 1, 3 * 2], 1e-6);
  assert.throws(() => dial.turn(11), /not on this dial, which goes from 0.1 to 10/);
  assert.throws(() => dial.encode(new Float32Array(3)), /1 × 2 × 1/);
});
