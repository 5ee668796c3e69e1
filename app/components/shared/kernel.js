// The inner loop of a convolution as a WebAssembly module, which multiplies four float32 at once where
// JavaScript multiplies one. It is assembled here, since its shape (how many rows, how long, how far apart)
// depends on the layer. Binary format and opcodes: https://webassembly.github.io/spec/core/binary/
//
// The module exports its memory `m` and one function f(a, w, bias, out), whose arguments are addresses in
// bytes. It computes PIXELS = 4 neighbouring output pixels k of a picture, for `lanes` (4 or 8) output
// channels of each:
//
//   out[k] = bias + sum over r < rows, i < run of  a[r * below + k * pixel + i] * w[r * run + i]
//
// where bias, out[k] and every w[i] are `lanes` float32 side by side and a[...] is one float32. As it runs:
//
//   sums[k] = bias                                  for each of the 4 pixels; they stay in registers
//   for each row r (unrolled):
//     at = a + r * below; end = at + run floats
//     do                                            (four inputs i at a time, unrolled)
//       weights = w[i]                              4 or 8 numbers: all outputs' weights for this input
//       sums[k] += splat(a[at + k * pixel]) * weights        the input, copied into all lanes
//       at, w move on
//     while at < end
//   out[k] = sums[k]

/**
 * @typedef {object} Shape Distances are in bytes.
 * @property {number} rows rows of the input that an output pixel takes
 * @property {number} below from a row to the next
 * @property {number} run numbers taken of each row, a multiple of four
 * @property {number} pixel from the input of an output pixel to that of the next
 * @property {number} next from an output pixel to the next
 * @property {number} lanes output channels at a time, 4 or 8
 * @property {number} pages of 64 KiB that the memory has
 */

const TYPE = { function: 0x60, i32: 0x7f, v128: 0x7b, none: 0x40 };
const SECTION = { types: 1, functions: 3, memories: 5, exports: 7, code: 10 };
const EXPORTS = { function: 0, memory: 2 };
const OP = {
  loop: 0x03,
  end: 0x0b,
  branchIf: 0x0d,
  get: 0x20,
  set: 0x21,
  i32Const: 0x41,
  i32Less: 0x49,
  i32Add: 0x6a,
};
const SIMD = 0xfd; // stands before each of:
const VECTOR = { load: [0x00], loadSplat: [0x09], store: [0x0b], add: [0xe4, 0x01], multiply: [0xe6, 0x01] };
const ALIGNED = 2; // addresses are multiples of 2**2 bytes, a float32
const FLOAT = 4; // bytes of one
const VECTOR_BYTES = 16; // of four of them
const PIXELS = 4;
const UNROLLED = 4; // inputs per turn of the loop

/**
 * A whole number from 0 up as LEB128: seven bits a byte, the lowest first, and the top bit says that more
 * follow.
 *
 * @param {number} n
 * @returns {number[]}
 */
export function unsigned(n) {
  const found = [];
  for (; n > 127; n >>>= 7) found.push((n & 127) | 128);
  return [...found, n];
}

/**
 * The same where negative numbers could stand too: the last byte's second bit is the sign and has to be 0.
 *
 * @param {number} n from 0 up
 * @returns {number[]}
 */
export const signed = (n) => (n < 64 ? [n] : [(n & 127) | 128, ...signed(n >> 7)]);

/**
 * @param {...number[]} items
 */
const list = (...items) => [...unsigned(items.length), ...items.flat()];

/**
 * @param {number} id
 * @param {number[]} content
 */
const section = (id, content) => [id, ...unsigned(content.length), ...content];

/**
 * @param {string} letter
 */
const text = (letter) => [1, letter.charCodeAt(0)];

/**
 * @param {number} howOften
 * @param {(n: number) => number[]} each
 */
const repeat = (howOften, each) => Array.from({ length: howOften }, (_, n) => each(n)).flat();

// ---------------------------------------------------------------- instructions

/** @param {number} variable */
const get = (variable) => [OP.get, variable];
/** @param {number} variable */
const set = (variable) => [OP.set, variable];
/** @param {number} variable @param {number} n */
const plus = (variable, n) => [...get(variable), OP.i32Const, ...signed(n), OP.i32Add];
/** @param {number} variable @param {number} n */
const moveOn = (variable, n) => [...plus(variable, n), ...set(variable)];
/** @param {number[]} op @param {number} offset */
const memory = (op, offset) => [SIMD, ...op, ALIGNED, ...unsigned(offset)];
const ADD = [SIMD, ...VECTOR.add];
const MULTIPLY = [SIMD, ...VECTOR.multiply];

/**
 * The bytes of the module.
 *
 * @param {Shape} shape
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function kernel(shape) {
  const code = body(shape);
  const { i32 } = TYPE;
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(SECTION.types, list([TYPE.function, ...list([i32], [i32], [i32], [i32]), 0])), // no result
    ...section(SECTION.functions, list([0])),
    ...section(SECTION.memories, list([0, ...unsigned(shape.pages)])),
    ...section(SECTION.exports, list([...text("m"), EXPORTS.memory, 0], [...text("f"), EXPORTS.function, 0])),
    ...section(SECTION.code, list([...unsigned(code.length), ...code])),
  ]);
}

/**
 * Local variables and instructions of f.
 *
 * @param {Shape} shape
 */
function body({ rows, below, run, pixel, next, lanes }) {
  const vectors = lanes / 4; // of four channels each
  // variables by number: the arguments, then two addresses, then vectors
  const [a, w, bias, out, at, end, input] = [0, 1, 2, 3, 4, 5, 6];
  const weights = (/** @type {number} */ v) => 7 + v;
  const sum = (/** @type {number} */ k, /** @type {number} */ v) => 7 + vectors + k * vectors + v;
  const declared = list([2, TYPE.i32], [1 + vectors + PIXELS * vectors, TYPE.v128]);

  const eachSum = (/** @type {(k: number, v: number) => number[]} */ each) =>
    repeat(PIXELS, (k) => repeat(vectors, (v) => each(k, v)));

  // sums[k] += a[at + k * pixel + j] * w[j]
  const oneInput = (/** @type {number} */ j) => [
    ...repeat(vectors, (v) => [
      ...get(w),
      ...memory(VECTOR.load, VECTOR_BYTES * (j * vectors + v)),
      ...set(weights(v)),
    ]),
    ...repeat(PIXELS, (k) => [
      ...[...get(at), ...memory(VECTOR.loadSplat, k * pixel + FLOAT * j), ...set(input)],
      ...repeat(vectors, (v) => [
        ...[...get(sum(k, v)), ...get(input), ...get(weights(v)), ...MULTIPLY, ...ADD],
        ...set(sum(k, v)),
      ]),
    ]),
  ];

  const oneRow = (/** @type {number} */ r) => [
    ...[...plus(a, r * below), ...set(at)],
    ...[...plus(at, FLOAT * run), ...set(end)],
    ...[OP.loop, TYPE.none],
    ...repeat(UNROLLED, oneInput),
    ...moveOn(w, FLOAT * UNROLLED * lanes),
    ...moveOn(at, FLOAT * UNROLLED),
    ...[...get(at), ...get(end), OP.i32Less, OP.branchIf, 0],
    OP.end,
  ];

  return [
    ...declared,
    ...eachSum((k, v) => [...get(bias), ...memory(VECTOR.load, VECTOR_BYTES * v), ...set(sum(k, v))]),
    ...repeat(rows, oneRow),
    ...eachSum((k, v) => [
      ...get(out),
      ...get(sum(k, v)),
      ...memory(VECTOR.store, k * next + VECTOR_BYTES * v),
    ]),
    OP.end,
  ];
}
