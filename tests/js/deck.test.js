import assert from "node:assert/strict";
import { test } from "node:test";
import { ordinal, project, unpackCodes } from "../../app/components/deck/cloud.js";
import { History } from "../../app/components/deck/history.js";
import { Notes } from "../../app/components/deck/notes.js";
import { limitsOf, stepWithin, stripValues } from "../../app/components/deck/ranges.js";
import { mahalanobis, nearestCode, percentileOf } from "../../app/components/shared/usual.js";
import { close, numbers } from "./helpers.js";

test("what was undone can be redone, until something new is done", () => {
  /** @type {History<string>} */
  const history = new History();
  assert.equal(history.undo("now"), undefined);
  history.push("a");
  history.push("b");
  assert.equal(history.undo("c"), "b");
  assert.equal(history.undo("b"), "a");
  assert.deepEqual([history.canUndo, history.canRedo], [false, true]);
  assert.equal(history.redo("a"), "b");
  history.push("b");
  assert.equal(history.redo("d"), undefined, "something new was done");
  assert.equal(history.undo("d"), "b");
  history.clear();
  assert.deepEqual([history.canUndo, history.canRedo], [false, false]);
});

test("the oldest states are forgotten", () => {
  /** @type {History<number>} */
  const history = new History(3);
  for (let i = 0; i < 5; i++) history.push(i);
  assert.deepEqual(
    [4, 3, 2].map((v) => history.undo(v + 1) === v),
    [true, true, true],
  );
  assert.equal(history.undo(2), undefined);
});

test("changes stand on top of the notes until the notes hold them", () => {
  const notes = new Notes();
  const kept = { names: { 1: "old" }, bookmarks: [[1, 2]], kept: { page: "", n: 0 } };
  assert.ok(notes.update(kept));
  assert.ok(!notes.update(kept), "nothing is another");
  notes.add({ do: "name", dim: 0, name: "width" });
  notes.add({ do: "remove", code: [1, 2] });
  notes.add({ do: "add", code: [3, 4] });
  notes.update(kept);
  assert.deepEqual(notes.names, { 0: "width", 1: "old" });
  assert.deepEqual(notes.bookmarks, [[3, 4]]);
  notes.update({ ...kept, kept: { page: notes.page, n: 2 } });
  assert.deepEqual(
    notes.changes.map(({ n }) => n),
    [3],
  );
  notes.update({ ...kept, kept: { page: "another", n: 9 } });
  assert.deepEqual(
    notes.changes.map(({ n }) => n),
    [3],
    "of another page",
  );
  notes.add({ do: "name", dim: 1, name: "" });
  notes.update(kept);
  assert.deepEqual(notes.names, {});
});

test("a slider ends where its range does", () => {
  const span = { low: [-1, 0], high: [5, 0] };
  assert.deepEqual(limitsOf("prior", span, 0), [-3, 3]);
  assert.deepEqual(limitsOf("data", span, 0), [-1, 5]);
  assert.deepEqual(limitsOf("data", span, 1), [0, 0.01], "of some width, always");
  assert.deepEqual(limitsOf("data", null, 0), [-3, 3]);
  assert.deepEqual(limitsOf("free", span, 0), [-10, 10]);
  assert.deepEqual(limitsOf("free", null, 0), [-6, 6]);
  assert.equal(stepWithin([-3, 3], 2.9, 0.5), 3);
  assert.equal(stepWithin([-3, 3], 7, 0.5), 7, "what was typed beyond stays");
  assert.equal(stepWithin([-3, 3], 7, -0.5), 6.5, "and may only come back");
  assert.deepEqual(stripValues([-3, 3], 3), [-2, 0, 2]);
});

test("codes of images are taken apart", () => {
  const buffer = new ArrayBuffer(4 * 2 * 4);
  new Float32Array(buffer).set([1, 2, 3, 4]);
  new Int32Array(buffer, 16).set([7, 9, -1, 0]);
  const { count, points, index, labels } = unpackCodes(buffer, 2);
  assert.equal(count, 2);
  assert.deepEqual(
    [[...points], [...index], [...labels]],
    [
      [1, 2, 3, 4],
      [7, 9],
      [-1, 0],
    ],
  );
});

test("distances, percentiles and the nearest code are what they are called", () => {
  const cloud = {
    mean: [1, 0],
    whiten: [
      [0.5, 0],
      [0, 2],
    ],
    axes: [
      [0, 1],
      [1, 0],
    ],
  };
  assert.equal(mahalanobis(cloud, [3, 1]), Math.hypot(1, 2));
  assert.deepEqual(project(cloud, [3, 5]), [5, 2]);
  const quantiles = Array.from({ length: 101 }, (_, k) => k / 50);
  close(
    [0, 0.5, 1.99, 2].map((v) => percentileOf(quantiles, v)),
    [0, 25, 99.5, 100],
    1e-9,
  );
  const points = numbers(300, 9);
  const z = [0.2, -0.1, 0.4];
  const away = Array.from({ length: 100 }, (_, i) => Math.hypot(...z.map((v, d) => points[3 * i + d] - v)));
  const found = nearestCode({ points, count: 100 }, z);
  assert.equal(found.row, away.indexOf(Math.min(...away)));
  close([found.distance], [Math.min(...away)], 1e-9);
});

test("ordinals", () => {
  const wanted = ["0th", "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "99th", "100th"];
  assert.deepEqual([0, 1, 2, 3, 4, 11, 12, 13, 21, 99, 100].map(ordinal), wanted);
});
