// Convolutions by WebAssembly: four pixels and four or eight outputs together, up to ten times as fast as the
// loops in loops.js. Of pictures whose sides come in fours; what cannot be computed so is left to the loops.

import { kernel } from "./kernel.js";
import { convByLoops, downByLoops, upByLoops } from "./loops.js";

/** @import { Convolution } from "./types.js" */
/** @import { Shape } from "./kernel.js" */
/** @typedef {(x: Float32Array) => Float32Array} Step */

// ---------------------------------------------------------------- faults

/** @type {string[]} what went wrong in this page (or worker), oldest first */
export const kernelFaults = [];
/** @type {Set<(fault: string) => void>} */
const listeners = new Set();

/**
 * Calls `listener` with the first fault: at once where it was met already, else when it is.
 *
 * @param {(fault: string) => void} listener
 * @returns {() => void} ends that
 */
export function onKernelFault(listener) {
  if (kernelFaults.length) listener(kernelFaults[0]);
  else listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {unknown} error */
function report(error) {
  const fault = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  kernelFaults.push(fault);
  if (kernelFaults.length > 1) return;
  console.error(`WebAssembly failed (${fault}); pictures are decoded by JavaScript, several times slower`);
  for (const listener of listeners) listener(fault);
  listeners.clear();
}

/**
 * The layer by WebAssembly, and from its first fault on by loops.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @param {(layer: Convolution, weights: Float32Array) => Step} fast
 * @param {(layer: Convolution, weights: Float32Array) => Step} loops
 * @returns {Step}
 */
function guarded(layer, weights, fast, loops) {
  /** @type {Step} */
  let step;
  try {
    step = fast(layer, weights);
  } catch (error) {
    report(error);
    return loops(layer, weights);
  }
  return (x) => {
    try {
      return step(x);
    } catch (error) {
      report(error);
      step = loops(layer, weights);
      return step(x);
    }
  };
}

// ---------------------------------------------------------------- layers

/**
 * 4×4 convolution, stride 2, padding 1: (side, side, inputs) -> (side / 2, side / 2, outputs), channels last.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {Step} returns an array that it reuses
 */
export function down(layer, weights) {
  return layer.side % 8 === 0
    ? guarded(layer, weights, downBySimd, downByLoops)
    : downByLoops(layer, weights);
}

/**
 * Its transpose: (side, side, inputs) -> (2 side, 2 side, outputs).
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {Step} returns an array that it reuses
 */
export function up(layer, weights) {
  const able = layer.side % 4 === 0 && layer.inputs % 2 === 0;
  return able ? guarded(layer, weights, upBySimd, upByLoops) : upByLoops(layer, weights);
}

/**
 * Convolution of stride 1 that keeps the side: (side, side, inputs) -> (side, side, outputs), channels last.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {Step} returns an array that it reuses
 */
export function conv(layer, weights) {
  const able = layer.side % 4 === 0 && layer.inputs % 4 === 0;
  return able ? guarded(layer, weights, convBySimd, convByLoops) : convByLoops(layer, weights);
}

// With a frame of zeros around the input, output pixel (y, x) sums over its rows y ... y + size - 1, in each
// of which as many columns with all channels lie together.
/**
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {Step}
 */
function convBySimd({ inputs, outputs, side, size = 3, weight, bias }, weights) {
  const wide = side + size - 1;
  const frame = (size - 1) / 2;
  const row = wide * inputs;
  const run = size * inputs;
  const { lanes, kept } = lanesOf(outputs);
  const perBlock = size * run * lanes;
  const sizes = [wide * row, perBlock * (kept / lanes), kept, side * side * kept];
  const shape = { rows: size, below: 4 * row, run, pixel: 4 * inputs, next: 4 * kept, lanes };
  const { f, addresses, arrays } = instance(sizes, shape);
  const [, wAt, bAt, outAt] = addresses;
  const [padded, w, b, out] = arrays;
  let k = 0;
  for (let o = 0; o < kept; o += lanes) {
    for (let i = 0; i < size * run; i++) {
      for (let j = 0; j < lanes; j++, k++) {
        if (o + j < outputs) w[k] = weights[weight + i * outputs + o + j];
      }
    }
  }
  b.set(weights.subarray(bias, bias + outputs));
  const pack = packer(out, kept, outputs);
  return (x) => {
    for (let y = 0; y < side; y++) {
      const from = x.subarray(y * side * inputs, (y + 1) * side * inputs);
      padded.set(from, (y + frame) * row + frame * inputs);
    }
    for (let y = 0; y < side; y++) {
      for (let px = 0; px < side; px += 4) {
        const from = 4 * (y * row + px * inputs);
        const to = outAt + 4 * (y * side + px) * kept;
        for (let o = 0, part = wAt; o < kept; o += lanes, part += 4 * perBlock) {
          f(from, part, bAt + 4 * o, to + 4 * o);
        }
      }
    }
    return pack();
  };
}

// With a frame of zeros around the input, output pixel (y, x) sums over its rows 2y ... 2y + 3, in each of
// which its four columns with all channels lie together.
/**
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {Step}
 */
function downBySimd({ inputs, outputs, side, weight, bias }, weights) {
  const half = side / 2;
  const row = (side + 2) * inputs;
  const { lanes, kept } = lanesOf(outputs);
  const perBlock = 16 * inputs * lanes;
  const sizes = [(side + 2) * row, perBlock * (kept / lanes), kept, half * half * kept];
  const shape = { rows: 4, below: 4 * row, run: 4 * inputs, pixel: 8 * inputs, next: 4 * kept, lanes };
  const { f, addresses, arrays } = instance(sizes, shape);
  const [, wAt, bAt, outAt] = addresses;
  const [padded, w, b, out] = arrays;
  let k = 0;
  for (let o = 0; o < kept; o += lanes) {
    for (let i = 0; i < 16 * inputs; i++) {
      for (let j = 0; j < lanes; j++, k++) {
        if (o + j < outputs) w[k] = weights[weight + i * outputs + o + j];
      }
    }
  }
  b.set(weights.subarray(bias, bias + outputs));
  const pack = packer(out, kept, outputs);
  return (x) => {
    for (let y = 0; y < side; y++) {
      padded.set(x.subarray(y * side * inputs, (y + 1) * side * inputs), (y + 1) * row + inputs);
    }
    for (let y = 0; y < half; y++) {
      for (let px = 0; px < half; px += 4) {
        const from = 4 * (2 * y * row + 2 * px * inputs);
        const to = outAt + 4 * (y * half + px) * kept;
        for (let o = 0, part = wAt; o < kept; o += lanes, part += 4 * perBlock) {
          f(from, part, bAt + 4 * o, to + 4 * o);
        }
      }
    }
    return pack();
  };
}

// Output pixels of one phase (odd or even rows and columns) take 2 × 2 taps; the two columns lie side by side
// with all their channels. See upByLoops for which taps.
/**
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {Step}
 */
function upBySimd({ inputs, outputs, side, weight, bias }, weights) {
  const wide = 2 * side;
  const framed = side + 2;
  const { lanes, kept } = lanesOf(outputs);
  const perBlock = 4 * inputs * lanes;
  const perPhase = perBlock * (kept / lanes);
  const sizes = [framed * framed * inputs, 4 * perPhase, kept, wide * wide * kept];
  const shape = {
    ...{ rows: 2, below: 4 * framed * inputs, run: 2 * inputs, pixel: 4 * inputs },
    ...{ next: 8 * kept, lanes },
  };
  const { f, addresses, arrays } = instance(sizes, shape);
  const [, wAt, bAt, outAt] = addresses;
  const [padded, w, b, out] = arrays;
  let k = 0;
  for (let phase = 0; phase < 4; phase++) {
    const py = phase >> 1;
    const px = phase & 1;
    for (let o = 0; o < kept; o += lanes) {
      for (let tap = 0; tap < 4; tap++) {
        const kernelRow = 3 - py - 2 * (tap >> 1);
        const kernelColumn = 3 - px - 2 * (tap & 1);
        const from = weight + (kernelRow * 4 + kernelColumn) * inputs * outputs;
        for (let i = 0; i < inputs; i++) {
          for (let j = 0; j < lanes; j++, k++)
            if (o + j < outputs) w[k] = weights[from + i * outputs + o + j];
        }
      }
    }
  }
  b.set(weights.subarray(bias, bias + outputs));
  const row = side * inputs;
  const pack = packer(out, kept, outputs);
  return (x) => {
    for (let y = 0; y < side; y++) {
      padded.set(x.subarray(y * row, y * row + row), ((y + 1) * framed + 1) * inputs);
    }
    for (let phase = 0; phase < 4; phase++) {
      const py = phase >> 1;
      const px = phase & 1;
      for (let my = 0; my < side; my++) {
        for (let mx = 0; mx < side; mx += 4) {
          const from = 4 * ((my + py) * framed + mx + px) * inputs;
          const to = outAt + 4 * ((2 * my + py) * wide + 2 * mx + px) * kept;
          for (let o = 0, part = wAt + 4 * phase * perPhase; o < kept; o += lanes, part += 4 * perBlock) {
            f(from, part, bAt + 4 * o, to + 4 * o);
          }
        }
      }
    }
    return pack();
  };
}

/**
 * How many outputs are computed together, and how many there are when they are filled up to that.
 *
 * @param {number} outputs
 */
function lanesOf(outputs) {
  const lanes = outputs % 8 === 0 ? 8 : 4;
  return { lanes, kept: lanes * Math.ceil(outputs / lanes) };
}

/**
 * Float32 arrays in one memory, their addresses, and the function of `kernel` on it.
 *
 * @param {number[]} sizes of the arrays
 * @param {Omit<Shape, "pages">} shape
 */
function instance(sizes, shape) {
  /** @type {number[]} */
  const addresses = [];
  let bytes = 0;
  for (const size of sizes) {
    addresses.push(bytes);
    bytes += 16 * Math.ceil(size / 4);
  }
  const module = new WebAssembly.Module(kernel({ ...shape, pages: Math.ceil(bytes / 65536) }));
  const { m, f } = /** @type {{ m: WebAssembly.Memory, f: (...addresses: number[]) => void }} */ (
    /** @type {unknown} */ (new WebAssembly.Instance(module).exports)
  );
  return { f, addresses, arrays: sizes.map((size, i) => new Float32Array(m.buffer, addresses[i], size)) };
}

/**
 * Takes the channels that only fill up out of the pixels.
 *
 * @param {Float32Array} found
 * @param {number} kept
 * @param {number} outputs
 */
function packer(found, kept, outputs) {
  if (kept === outputs) return () => found;
  const packed = new Float32Array((found.length / kept) * outputs);
  return () => {
    for (let p = 0, i = 0; p < found.length; p += kept) {
      for (let o = 0; o < outputs; o++) packed[i++] = found[p + o];
    }
    return packed;
  };
}
