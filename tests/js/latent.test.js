import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  codeText,
  gaussian,
  packCode,
  roundCode,
  seeded,
  shortestText,
  slerp,
} from "../../app/components/shared/latent.js";
import { close } from "./helpers.js";

/** @type {{ codes: { code: number[], text: string }[] }} */
const { codes } = JSON.parse(await readFile(new URL("codes.json", import.meta.url), "utf8"));

for (const { code, text } of codes) {
  test(`the code ${code} stands in addresses as the server reads it`, () => {
    assert.equal(packCode(code), text);
    assert.equal(packCode(roundCode(code)), text, "rounding first changes nothing");
  });
}

test("halves go up, on either side of 0", () => {
  assert.deepEqual(roundCode([0.0005, 1.2345, -1.2345, 2]), [0.001, 1.235, -1.234, 2]);
});

test("a code is written without what says nothing", () => {
  assert.equal(codeText([1, -0.5, 0.12345, 100, 0]), "[1, -0.5, 0.123, 100, 0]");
});

test("a float32 is written as short as it can be told apart", () => {
  for (const v of [0.1, -2.5, 1 / 3, 1e-8, 123456.789, 16777217, 0]) {
    const single = Math.fround(v);
    assert.equal(Math.fround(Number(shortestText(single))), single);
  }
  assert.equal(shortestText(Math.fround(0.1)), "0.1");
  assert.equal(shortestText(-0), "0");
});

test("the seeded generator is mulberry32, and numbers from it are normal", () => {
  const random = seeded(7);
  const first = [random(), random()];
  const again = seeded(7);
  assert.deepEqual([again(), again()], first);
  assert.equal(seeded(0)(), 0.26642920868471265); // mulberry32 of seed 0
  const many = Array.from({ length: 20_000 }, () => gaussian(random));
  const mean = many.reduce((a, b) => a + b) / many.length;
  const variance = many.reduce((sum, v) => sum + (v - mean) ** 2, 0) / many.length;
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.04);
});

test("slerp goes along the great arc, its norm linearly", () => {
  const [a, b] = [
    [2, 0, 0],
    [0, 4, 0],
  ];
  close(slerp(a, b, 0), a, 1e-12);
  close(slerp(a, b, 1), b, 1e-12);
  close(slerp(a, b, 0.5), [3 * Math.SQRT1_2, 3 * Math.SQRT1_2, 0], 1e-12);
  close(slerp([1, 1], [3, 3], 0.25), [1.5, 1.5], 1e-12);
  close(slerp([0, 0], [2, 0], 0.5), [1, 0], 1e-12);
});
