import assert from "node:assert/strict";
import { test } from "node:test";
import { klOf, nearestRow, nearestRows, normals } from "../../app/components/lesson/draws.js";
import {
  clearProgress,
  exported,
  noteAnswer,
  readProgress,
  tally,
} from "../../app/components/lesson/progress.js";
import { parts } from "../../app/components/lesson/text.js";

const grid = { values: Float32Array.from([0, 0, 1, 0, 0, 2, 5, 5]), rows: 4, across: 2 };

test("bold is the only mark of a paragraph", () => {
  assert.deepEqual(parts("a **b** c"), [
    { text: "a ", bold: false },
    { text: "b", bold: true },
    { text: " c", bold: false },
  ]);
  assert.deepEqual(parts("**b**"), [{ text: "b", bold: true }]);
});

test("the nearest rows, nearest first", () => {
  assert.equal(nearestRow(grid, [0.9, 0.1]), 1);
  assert.deepEqual(nearestRows(grid, [0, 1.2], 3), [2, 0, 1]);
});

test("KL of a one-dimensional posterior in closed form", () => {
  assert.equal(klOf(0, 1), 0);
  assert.ok(Math.abs(klOf(2, 1) - 2) < 1e-12);
  assert.ok(Math.abs(klOf(0, 0.5) - 0.5 * (0.25 - 1 - Math.log(0.25))) < 1e-12);
});

test("draws are standard normal", () => {
  const all = normals(400, 25).flatMap((one) => [...one]);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const variance = all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length;
  assert.ok(Math.abs(mean) < 0.05, `${mean}`); // 5 standard errors
  assert.ok(Math.abs(variance - 1) < 0.08, `${variance}`);
});

test("what is answered is counted by lesson", () => {
  const progress = {
    1.1: { answer: "a", right: true },
    1.2: { answer: "b", right: false },
    12.1: { answer: "b", right: true },
  };
  assert.deepEqual(tally(progress, 1), { given: 2, right: 1 });
  assert.deepEqual(tally(progress), { given: 3, right: 2 });
  const told = JSON.parse(exported(progress, [{ number: 1, title: "One", steps: 7 }]));
  assert.deepEqual(told.lessons, [{ lesson: 1, title: "One", screens: 7, given: 2, right: 1 }]);
  assert.deepEqual(told.answers, progress);
});

test("a browser that keeps nothing remembers for the visit", () => {
  noteAnswer(2, 1, { answer: "a", right: true });
  noteAnswer(2, 2, { answer: "b", right: false });
  assert.deepEqual(tally(readProgress()), { given: 2, right: 1 });
  clearProgress();
  assert.deepEqual(readProgress(), {});
});
