import assert from "node:assert/strict";
import { test } from "node:test";
import { COURSES, outcome } from "../../app/components/lesson/tiny_courses.js";

/** @param {[number, number][]} places rate and distortion */
const ended = (...places) => places.map(([rate, distortion]) => ({ rate, distortion }));

test("a walk is told by where it ended", () => {
  const truth = (/** @type {[number, number][]} */ ...places) => outcome("walk", ended(...places)).truth;
  assert.equal(truth([2, 20], [1, 22]), "trade");
  assert.equal(truth([2, 20], [1, 19]), "both");
  assert.equal(truth([2, 20], [3, 19]), "back");
  assert.equal(truth([2, 20], [1.9, 25]), "stays");
});

test("a collapse is told by how deep it was and how far it healed", () => {
  const truth = (/** @type {number[]} */ ...rates) =>
    outcome("collapse", ended(...rates.map((r) => /** @type {[number, number]} */ ([r, 20])))).truth;
  assert.equal(truth(2, 0.5, 2), "none");
  assert.equal(truth(2, 0.01, 0.1), "stays");
  assert.equal(truth(2, 0.01, 1), "part");
  assert.equal(truth(2, 0.01, 1.7), "back");
});

test("what is said names each leg", () => {
  const { said } = outcome("walk", ended([2, 20], [1, 22]));
  const [from, to] = COURSES.walk.map(({ beta }) => beta);
  assert.equal(said, `At β = ${from}, ${to}: rate 2.00, 1.00; distortion 20.0, 22.0 nats.`);
});
