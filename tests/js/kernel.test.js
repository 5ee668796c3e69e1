// The WebAssembly kernel: what its function computes, and that a fault in it is told and not silently slow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { kernel, signed, unsigned } from "../../app/components/shared/kernel.js";
import { upByLoops } from "../../app/components/shared/loops.js";
import { close, numbers } from "./helpers.js";

/** @import { Convolution } from "../../app/components/shared/types.js" */

const FLOAT = 4; // bytes

test("whole numbers are LEB128", () => {
  assert.deepEqual(unsigned(0), [0]);
  assert.deepEqual(unsigned(127), [127]);
  assert.deepEqual(unsigned(128), [0x80, 1]);
  assert.deepEqual(unsigned(624485), [0xe5, 0x8e, 0x26]); // the example of the specification
  assert.deepEqual(signed(63), [63]);
  assert.deepEqual(signed(64), [0xc0, 0], "64 alone would be read as -64");
});

for (const lanes of [4, 8]) {
  test(`f sums up rows of inputs times weights, ${lanes} outputs of four pixels at a time`, () => {
    const rows = 2;
    const run = 8;
    const [below, pixel, next] = [20, 3, 2 * lanes].map((floats) => floats * FLOAT);
    const bytes = kernel({ rows, below, run, pixel, next, lanes, pages: 1 });
    assert.ok(WebAssembly.validate(bytes));
    assert.ok(bytes.length < 4096, "browsers compile no more at once on the page's own thread");
    const { m, f } = /** @type {any} */ (new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports);
    const at = { a: 0, w: 1024, bias: 4096, out: 8192 };
    const a = new Float32Array(m.buffer, at.a, 64);
    const w = new Float32Array(m.buffer, at.w, rows * run * lanes);
    const bias = new Float32Array(m.buffer, at.bias, lanes);
    const out = new Float32Array(m.buffer, at.out, 8 * lanes).fill(99);
    a.set(numbers(a.length, 1));
    w.set(numbers(w.length, 2));
    bias.set(numbers(bias.length, 3));
    f(at.a, at.w, at.bias, at.out);
    for (let k = 0; k < 4; k++) {
      const wanted = Array.from(bias, (start, lane) => {
        let sum = start;
        for (let r = 0; r < rows; r++)
          for (let i = 0; i < run; i++) sum += a[r * 20 + 3 * k + i] * w[(r * run + i) * lanes + lane];
        return sum;
      });
      close(out.subarray(2 * k * lanes, (2 * k + 1) * lanes), wanted, 1e-5);
      if (k < 3) assert.ok(out.subarray((2 * k + 1) * lanes, (2 * k + 2) * lanes).every((v) => v === 99));
    }
  });
}

/** @type {Convolution} */
const LAYER = { kind: "up", inputs: 4, outputs: 4, side: 4, weight: 0, bias: 256 };
const WEIGHTS = numbers(260, 4);
const X = numbers(64, 5);

const { RuntimeError } = WebAssembly;

/** What a call does that reaches beyond its memory. */
function trap() {
  throw new RuntimeError("memory access out of bounds");
}

/**
 * Ways in which WebAssembly may fail: it is not there, compiles nothing, makes nothing, or stops as it runs.
 */
const BREAKS = {
  "is not there": () => undefined,
  "does not compile": (/** @type {typeof WebAssembly} */ real) => ({
    ...{ Memory: real.Memory, Instance: real.Instance },
    Module: function Module() {
      throw new real.CompileError("no SIMD here");
    },
  }),
  "stops as it runs": (/** @type {typeof WebAssembly} */ real) => ({
    Module: real.Module,
    Instance: class {
      exports = { m: new real.Memory({ initial: 1 }), f: trap };
    },
  }),
};

for (const [how, broken] of Object.entries(BREAKS)) {
  test(`where WebAssembly ${how}, that is told once and the loops take over`, async (context) => {
    const real = globalThis.WebAssembly;
    const told = context.mock.method(console, "error", () => {});
    // of its own, for faults are counted per page
    const url = `../../app/components/shared/simd.js?${encodeURIComponent(how)}`;
    /** @type {typeof import("../../app/components/shared/simd.js")} */
    const { up, kernelFaults, onKernelFault } = await import(url);
    /** @type {string[]} */
    const heard = [];
    onKernelFault((fault) => heard.push(fault));
    try {
      Object.assign(globalThis, { WebAssembly: broken(real) });
      const [first, second] = [up(LAYER, WEIGHTS), up(LAYER, WEIGHTS)];
      close(first(X), upByLoops(LAYER, WEIGHTS)(X), 1e-6);
      close(second(X), upByLoops(LAYER, WEIGHTS)(X), 1e-6);
      close(second(X), upByLoops(LAYER, WEIGHTS)(X), 1e-6);
    } finally {
      Object.assign(globalThis, { WebAssembly: real });
    }
    assert.equal(kernelFaults.length, 2, "one for each layer, and none for what the loops did since");
    assert.equal(told.mock.callCount(), 1);
    assert.match(String(told.mock.calls[0].arguments[0]), /WebAssembly failed \(.+Error: .+\)/);
    assert.deepEqual(heard, [kernelFaults[0]]);
    onKernelFault((fault) => heard.push(fault));
    assert.equal(heard.length, 2, "whoever comes later hears of it too");
  });
}
