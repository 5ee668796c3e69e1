import assert from "node:assert/strict";
import { seeded } from "../../app/components/shared/latent.js";

/**
 * Numbers from -1 to 1, the same at every run.
 *
 * @param {number} count
 * @param {number} seed
 */
export function numbers(count, seed) {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => 2 * random() - 1);
}

/**
 * @param {ArrayLike<number>} found
 * @param {ArrayLike<number>} wanted
 * @param {number} within
 */
export function close(found, wanted, within) {
  assert.equal(found.length, wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    assert.ok(Math.abs(found[i] - wanted[i]) <= within, `number ${i} is ${found[i]}, not ${wanted[i]}`);
  }
}

/** A palette whose colours tell themselves apart. */
export const PALETTE = {
  categorical: ["#000001", "#000002", "#000003", "#000004", "#000005", "#000006"],
  viridis: ["#000000", "#808080", "#ff00ff"],
  ...{ mark: "#aa0000", faded: "#bbbbbb", none: "#0a0b0c" },
};
