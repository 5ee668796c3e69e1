import assert from "node:assert/strict";
import { test } from "node:test";
import { splitAtWords } from "../../app/components/shared/words.js";

/** @param {string} text @param {string[]} words */
const parts = (text, words) =>
  splitAtWords(text, words).map(({ part, word }) => (word ? [part, word] : part));

test("the first of each word is told apart, whole and in any case", () => {
  assert.deepEqual(parts("KL, nats per image; nats", ["nats", "KL"]), [
    ["KL", "KL"],
    ", ",
    ["nats", "nats"],
    " per image; nats",
  ]);
  assert.deepEqual(parts("Traversals: z1", ["traversal"]), [["Traversals", "traversal"], ": z1"]);
  assert.deepEqual(parts("separate, rated", ["rate"]), ["separate, rated"]);
  assert.deepEqual(parts("(−ELBO), nats", ["ELBO"]), ["(−", ["ELBO", "ELBO"], "), nats"]);
});

test("a longer word goes before one that it holds", () => {
  const words = ["reconstruction", "reconstruction error", "nats"];
  assert.deepEqual(parts("reconstruction error, nats", words), [
    ["reconstruction error", "reconstruction error"],
    ", ",
    ["nats", "nats"],
  ]);
});
