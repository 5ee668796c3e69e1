// Convolutions by loops in JavaScript: of sides and channels that WebAssembly's four at a time do not fit,
// and where a browser cannot run it. Sums go in blocks that stay in registers; in float64, which JavaScript
// adds without converting.

/** @import { Convolution } from "./types.js" */

/**
 * 4×4 convolution, stride 2, padding 1. With a frame of zeros around the input, output pixel (y, x) sums over
 * rows 2y ... 2y + 3 of it, in each of which its four columns with all channels lie together. Outputs go in
 * blocks of four, two pixels at a time, where the counts allow.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {(x: Float32Array) => Float32Array}
 */
export function downByLoops({ inputs, outputs, side, weight, bias }, weights) {
  const half = side / 2;
  const row = (side + 2) * inputs;
  const run = 4 * inputs;
  const block = outputs % 4 === 0 && half % 2 === 0 ? 4 : 1;
  const out = new Float32Array(half * half * outputs);
  const padded = new Float64Array((side + 2) * row);
  const b = weights.subarray(bias, bias + outputs);
  // [output block][kernel row][column, input][output in block]
  const w = new Float64Array(16 * inputs * outputs);
  let k = 0;
  for (let o = 0; o < outputs; o += block) {
    for (let i = 0; i < 16 * inputs; i++) {
      for (let j = 0; j < block; j++) w[k++] = weights[weight + i * outputs + o + j];
    }
  }

  /** @type {(from: number, at: number) => void} */
  const oneByOne = (from, at) => {
    let k = 0;
    for (let o = 0; o < outputs; o++) {
      let s = b[o];
      for (let r = 0; r < 4; r++) {
        for (let i = from + r * row, end = i + run; i < end; i++) s += padded[i] * w[k++];
      }
      out[at + o] = s;
    }
  };
  /** @type {(from: number, at: number) => void} */
  const fourOfTwoPixels = (from, at) => {
    const right = 2 * inputs; // the next pixel's columns begin there
    let k = 0;
    for (let o = 0; o < outputs; o += 4, at += 4) {
      let [s0, s1, s2, s3] = [b[o], b[o + 1], b[o + 2], b[o + 3]];
      let [r0, r1, r2, r3] = [s0, s1, s2, s3];
      for (let r = 0; r < 4; r++) {
        for (let i = from + r * row, end = i + run; i < end; i++, k += 4) {
          const v = padded[i];
          const u = padded[i + right];
          const w0 = w[k];
          const w1 = w[k + 1];
          const w2 = w[k + 2];
          const w3 = w[k + 3];
          s0 += v * w0;
          s1 += v * w1;
          s2 += v * w2;
          s3 += v * w3;
          r0 += u * w0;
          r1 += u * w1;
          r2 += u * w2;
          r3 += u * w3;
        }
      }
      out[at] = s0;
      out[at + 1] = s1;
      out[at + 2] = s2;
      out[at + 3] = s3;
      out[at + outputs] = r0;
      out[at + outputs + 1] = r1;
      out[at + outputs + 2] = r2;
      out[at + outputs + 3] = r3;
    }
  };

  const pixels = block === 4 ? 2 : 1;
  const sumUp = block === 4 ? fourOfTwoPixels : oneByOne;
  return (x) => {
    for (let y = 0; y < side; y++) {
      padded.set(x.subarray(y * side * inputs, (y + 1) * side * inputs), (y + 1) * row + inputs);
    }
    for (let y = 0; y < half; y++) {
      for (let px = 0; px < half; px += pixels) {
        sumUp(2 * y * row + 2 * px * inputs, (y * half + px) * outputs);
      }
    }
    return out;
  };
}

/**
 * Convolution of stride 1 that keeps the side, with a frame of zeros around the input.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {(x: Float32Array) => Float32Array}
 */
export function convByLoops({ inputs, outputs, side, size = 3, weight, bias }, weights) {
  const wide = side + size - 1;
  const frame = (size - 1) / 2;
  const row = wide * inputs;
  const run = size * inputs;
  const padded = new Float64Array(wide * row);
  const w = Float64Array.from(weights.subarray(weight, weight + size * run * outputs));
  const sums = new Float64Array(outputs);
  const out = new Float32Array(side * side * outputs);
  return (x) => {
    for (let y = 0; y < side; y++) {
      const from = x.subarray(y * side * inputs, (y + 1) * side * inputs);
      padded.set(from, (y + frame) * row + frame * inputs);
    }
    for (let y = 0, at = 0; y < side; y++) {
      for (let px = 0; px < side; px++, at += outputs) {
        for (let o = 0; o < outputs; o++) sums[o] = weights[bias + o];
        for (let r = 0, k = 0; r < size; r++) {
          const from = (y + r) * row + px * inputs;
          for (let i = from; i < from + run; i++) {
            const v = padded[i];
            for (let o = 0; o < outputs; o++) sums[o] += v * w[k++];
          }
        }
        out.set(sums, at);
      }
    }
    return out;
  };
}

/**
 * 4×4 transposed convolution, stride 2, padding 1. An output row 2m takes input rows m (kernel row 1) and m -
 * 1 (3), an output row 2m + 1 takes m (2) and m + 1 (0); columns likewise. So every output pixel sums over
 * four taps only. The input gets a frame of zeros, so that no tap needs to ask whether it lies inside.
 *
 * @param {Convolution} layer
 * @param {Float32Array} weights
 * @returns {(x: Float32Array) => Float32Array}
 */
export function upByLoops({ inputs, outputs, side, weight, bias }, weights) {
  const wide = 2 * side;
  const framed = side + 2;
  const block = outputs % 4 === 0 ? 4 : outputs === 3 ? 3 : 1;
  const out = new Float32Array(wide * wide * outputs);
  const padded = new Float64Array(framed * framed * inputs);
  const b = weights.subarray(bias, bias + outputs);
  const phases = phasesOf({ inputs, outputs, weight }, weights, block);
  const step = [-1, 1];
  const taps = new Int32Array(4);
  const row = side * inputs;
  // per pair of neighbouring input pixels: the channels in which either is not zero. After a ReLU half of
  // them are.
  const active = new Int32Array(framed * framed * inputs);
  const counts = new Int32Array(framed * framed);

  const listActive = () => {
    let listed = 0;
    for (let p = 0, i = 0; p < framed * framed - 1; p++) {
      let n = p * inputs;
      for (let c = 0; c < inputs; c++, i++) if (padded[i] !== 0 || padded[i + inputs] !== 0) active[n++] = c;
      counts[p] = n;
      listed += n - p * inputs;
    }
    return listed;
  };
  /** @type {(w: Float64Array, at: number) => void} */
  const oneByOne = (w, at) => {
    let k = 0;
    for (let o = 0; o < outputs; o++) {
      let s = b[o];
      for (let t = 0; t < 4; t++) {
        for (let i = taps[t] * inputs, end = i + inputs; i < end; i++) s += padded[i] * w[k++];
      }
      out[at + o] = s;
    }
  };
  /** @type {(w: Float64Array, at: number) => void} */
  const threeTogether = (w, at) => {
    let k = 0;
    let [s0, s1, s2] = [b[0], b[1], b[2]];
    for (let t = 0; t < 4; t++) {
      for (let i = taps[t] * inputs, end = i + inputs; i < end; i++, k += 3) {
        const v = padded[i];
        s0 += v * w[k];
        s1 += v * w[k + 1];
        s2 += v * w[k + 2];
      }
    }
    out[at] = s0;
    out[at + 1] = s1;
    out[at + 2] = s2;
  };
  /** @type {(w: Float64Array, at: number, dense: boolean) => void} */
  const fourOfTwoPixels = (w, at, dense) => {
    const right = 2 * outputs; // the same phase's next pixel
    let k = 0;
    for (let o = 0; o < outputs; o += 4, at += 4) {
      let [s0, s1, s2, s3] = [b[o], b[o + 1], b[o + 2], b[o + 3]];
      let [r0, r1, r2, r3] = [s0, s1, s2, s3];
      for (let t = 0; t < 4; t++, k += 4 * inputs) {
        const pixel = taps[t];
        const from = pixel * inputs;
        const end = dense ? from + inputs : counts[pixel];
        for (let n = from; n < end; n++) {
          const i = dense ? n : from + active[n];
          const q = k + 4 * (i - from);
          const v = padded[i];
          const u = padded[i + inputs];
          const w0 = w[q];
          const w1 = w[q + 1];
          const w2 = w[q + 2];
          const w3 = w[q + 3];
          s0 += v * w0;
          s1 += v * w1;
          s2 += v * w2;
          s3 += v * w3;
          r0 += u * w0;
          r1 += u * w1;
          r2 += u * w2;
          r3 += u * w3;
        }
      }
      out[at] = s0;
      out[at + 1] = s1;
      out[at + 2] = s2;
      out[at + 3] = s3;
      out[at + right] = r0;
      out[at + right + 1] = r1;
      out[at + right + 2] = r2;
      out[at + right + 3] = r3;
    }
  };

  const pixels = block === 4 ? 2 : 1;
  const sumUp = block === 4 ? fourOfTwoPixels : block === 3 ? threeTogether : oneByOne;
  return (x) => {
    for (let y = 0; y < side; y++) {
      padded.set(x.subarray(y * row, y * row + row), ((y + 1) * framed + 1) * inputs);
    }
    // a list of what is not zero costs more than it saves where that is most
    const dense = block === 4 && listActive() > 0.75 * side * side * inputs;
    for (const { py, px, w } of phases) {
      for (let my = 0; my < side; my++) {
        for (let mx = 0; mx < side; mx += pixels) {
          for (let t = 0; t < 4; t++) {
            const iy = my + 1 + (t & 2 ? step[py] : 0);
            const ix = mx + 1 + (t & 1 ? step[px] : 0);
            taps[t] = iy * framed + ix;
          }
          sumUp(w, ((2 * my + py) * wide + 2 * mx + px) * outputs, dense);
        }
      }
    }
    return out;
  };
}

/**
 * The weights of each phase (odd or even rows and columns): [output block][tap][input][output in block].
 *
 * @param {Pick<Convolution, "inputs" | "outputs" | "weight">} layer
 * @param {Float32Array} weights
 * @param {number} block
 */
function phasesOf({ inputs, outputs, weight }, weights, block) {
  const near = [1, 2];
  const far = [3, 0];
  return [0, 1, 2, 3].map((phase) => {
    const py = phase >> 1;
    const px = phase & 1;
    const w = new Float64Array(outputs * 4 * inputs);
    let k = 0;
    for (let o = 0; o < outputs; o += block) {
      for (let tap = 0; tap < 4; tap++) {
        const kernelRow = tap & 2 ? far[py] : near[py];
        const kernelColumn = tap & 1 ? far[px] : near[px];
        const from = weight + (kernelRow * 4 + kernelColumn) * inputs * outputs;
        for (let c = 0; c < inputs; c++) {
          for (let j = 0; j < block; j++) w[k++] = weights[from + c * outputs + o + j];
        }
      }
    }
    return { py, px, w };
  });
}
