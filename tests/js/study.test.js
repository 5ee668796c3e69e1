import assert from "node:assert/strict";
import { test } from "node:test";
import { axesOf, binsOf, roundNumbers } from "../../app/components/study/axes.js";
import { byGoal, cellsOf, compare, frontOf, keptOf, sorted } from "../../app/components/study/choosing.js";
import { spanOf } from "../../app/components/study/curves.js";
import { Model } from "../../app/components/study/model.js";
import { partOf, ratioOf } from "../../app/components/study/picture.js";
import { PALETTE } from "./helpers.js";

/** @import { Field, Measure, StudyData, Trial } from "../../app/components/study/types.js" */

/** @type {Field} */
const D = {
  ...{ name: "latent_dim", title: "D", unit: "", log: true, kind: "number", values: null, low: 2, high: 32 },
};
/** @type {Field} */
const KIND = { ...D, name: "kind", title: "kind", log: false, kind: "choice", values: ["a", "b"], low: null };
/** @type {Measure} */
const LOSS = { name: "loss", title: "loss", unit: "nats", direction: "min" };

/**
 * @param {number} number
 * @param {number} d
 * @param {string} kind
 * @param {number | null} loss
 * @returns {Trial}
 */
const trial = (number, d, kind, loss) => ({
  ...{ number, run: `r${number}`, title: `t${number}`, seed: 0, values: { latent_dim: d, kind } },
  ...{ numbers: { loss }, state: loss === null ? "training" : "finished", why: "", progress: 0.4 },
  ...{
    curve: null,
    front: false,
    pictures: { sample: loss === null ? null : { url: "u", width: 4, height: 2 } },
  },
});

/** @param {Trial[]} trials @returns {StudyData} */
const study = (trials) => ({
  ...{
    name: "s",
    fields: [D, KIND],
    goals: [LOSS],
    numbers: [LOSS],
    trials,
    best: null,
    asks: {},
    height: "",
  },
  palette: PALETTE,
});

const ranges = (/** @type {import("../../app/components/study/types.js").Bin[]} */ bins) =>
  bins.map(({ label }) => label);

test("few values are a column each, many are readable ranges that hold every value once", () => {
  const few = [2, 4, 8].map((d, i) => trial(i, d, "a", i));
  assert.deepEqual(ranges(binsOf(axesOf(study(few))[0], few)), ["2", "4", "8"]);
  const many = Array.from({ length: 31 }, (_, i) => trial(i, i + 2, "a", i));
  const bins = binsOf(axesOf(study(many))[0], many);
  assert.deepEqual(ranges(bins), ["2–4", "5–9", "10–19", "20–32"]);
  for (const { values } of many) {
    assert.equal(bins.filter((bin) => bin.has(values.latent_dim)).length, 1, `${values.latent_dim}`);
  }
  assert.deepEqual(ranges(binsOf(axesOf(study(many))[1], many)), ["a", "b"]);
});

test("round numbers lie within their range", () => {
  assert.deepEqual(roundNumbers(0.1, 10, true, 6), [0.1, 0.3, 1, 3, 10]);
  assert.deepEqual(roundNumbers(91.2, 108.7, false, 6), [95, 100, 105]);
  assert.deepEqual(roundNumbers(0.00012, 0.00099, true, 3), [0.0002, 0.0005]);
});

test("an axis knows its places: logarithms, bands of choices, nothing for what is none", () => {
  const [d, kind, loss] = axesOf(study([trial(0, 2, "a", 5), trial(1, 32, "b", 7)]));
  assert.ok(Math.abs((d.place(8) ?? 0) - 0.5) < 1e-9);
  assert.deepEqual([kind.place("a"), kind.place("b"), kind.place("c")], [0.25, 0.75, null]);
  assert.deepEqual([loss.place(6), loss.place(null)], [0.5, null]);
  const one = axesOf(study([trial(0, 2, "a", 5)]))[2];
  assert.equal(one.place(5), 0.5, "a single value stands in the middle");
});

test("a brush keeps what lies within all of them, and nothing without a value", () => {
  const trials = [trial(0, 2, "a", 1), trial(1, 8, "a", 2), trial(2, 32, "b", 3), trial(3, 8, "b", null)];
  const axes = axesOf(study(trials));
  assert.deepEqual(keptOf(trials, axes, new Map([[axes[0].id, [0.4, 1]]])), [false, true, true, true]);
  const both = new Map([
    [axes[0].id, /** @type {[number, number]} */ ([0.4, 1])],
    [axes[2].id, /** @type {[number, number]} */ ([0, 1])],
  ]);
  assert.deepEqual(keptOf(trials, axes, both), [false, true, true, false]);
  assert.deepEqual(keptOf(trials, axes, new Map()), [true, true, true, true]);
});

test("a cell shows its best trial, of those kept, and an empty one says what it waits for", () => {
  const trials = [trial(0, 2, "a", 9), trial(1, 2, "a", 3), trial(2, 4, "b", null)];
  const [d, kind] = axesOf(study(trials));
  const side = (/** @type {typeof d} */ axis) => ({ axis, bins: binsOf(axis, trials) });
  const cells = (/** @type {boolean[]} */ kept) =>
    cellsOf(trials, side(d), side(kind), kept, LOSS, "sample").flat();
  const [best, none, other, waiting] = cells([true, true, true]);
  assert.deepEqual([best.shown, best.count, best.words], [1, 2, ""]);
  assert.deepEqual([none.shown, none.words], [-1, "no trial here"]);
  assert.equal(other.words, "no trial here");
  assert.deepEqual([waiting.shown, waiting.words], [2, "training 40 %"]);
  assert.equal(cells([true, false, true])[0].shown, 0, "the best is filtered away");
  assert.deepEqual([cells([false, false, true])[0].shown, cells([false, false, true])[0].kept], [1, 0]);
});

test("trials by the goal: the best first, those without it by how far they are", () => {
  const trials = [trial(0, 2, "a", 9), trial(1, 2, "a", null), trial(2, 4, "b", 3)];
  assert.deepEqual(byGoal([0, 1, 2], trials, LOSS), [2, 0, 1]);
  assert.deepEqual(byGoal([0, 1, 2], trials, { ...LOSS, direction: "max" }), [0, 2, 1]);
});

test("the Pareto front holds what no other beats in both, whichever way is better", () => {
  const points = [
    { x: 1, y: 5, i: 0 },
    { x: 2, y: 3, i: 1 },
    { x: 3, y: 4, i: 2 },
    { x: 4, y: 1, i: 3 },
  ];
  assert.deepEqual(frontOf(points, "min", "min"), [0, 1, 3]);
  assert.deepEqual(frontOf(points, "max", "max"), [0, 2, 3]);
  assert.deepEqual(frontOf(points, "min", "max"), [0]);
});

test("a table is sorted either way, what has no value last", () => {
  const trials = [trial(0, 2, "b", 9), trial(1, 2, "a", null), trial(2, 4, "a", 3)];
  const loss = (/** @type {Trial} */ one) => one.numbers.loss;
  assert.deepEqual(sorted(trials, loss, false), [2, 0, 1]);
  assert.deepEqual(sorted(trials, loss, true), [0, 2, 1]);
  assert.deepEqual(
    sorted(trials, (one) => one.values.kind, false),
    [1, 2, 0],
  );
});

test("the worst few values of curves do not flatten the rest", () => {
  const curve = [1e9, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
  assert.deepEqual(spanOf([curve]), { low: 1, high: 10 });
  assert.deepEqual(spanOf([[5]]), { low: 4.5, high: 5.5 });
});

test("a sheet is cut to its first pictures until one zooms", () => {
  /** @type {import("../../app/components/study/types.js").Picture} */
  const sheet = { url: "u", width: 80, height: 40, across: 4, down: 2, one: [1, 1] };
  assert.deepEqual(
    [partOf(sheet, false), partOf(sheet, true)],
    [
      [1, 1],
      [4, 2],
    ],
  );
  assert.deepEqual([ratioOf(sheet, false), ratioOf(sheet, true)], [1, 2]);
});

test("newer data of a study leave the hand where it is, another study does not", () => {
  const model = new Model();
  model.take(study([trial(4, 2, "a", 1), trial(5, 8, "b", 2)]));
  model.point(1);
  model.choose(0);
  model.brush([[model.axes[0].id, [0, 0.6]]]);
  model.take(study([trial(3, 32, "a", 1), trial(4, 2, "a", 1), trial(5, 8, "b", 2)]));
  assert.deepEqual([model.cursor, model.chosen, model.kept], [2, 1, [false, true, true]]);
  model.take({ ...study([trial(4, 2, "a", 1)]), name: "another" });
  assert.deepEqual([model.cursor, model.chosen, model.brushes.size, model.kept], [-1, -1, 0, [true]]);
});

test("keys go through the trials kept, round and round", () => {
  const model = new Model();
  model.take(study([trial(0, 2, "a", 1), trial(1, 8, "b", 2), trial(2, 32, "b", 3)]));
  model.brush([[model.axes[0].id, [0, 0.6]]]);
  const went = [1, 1, 1, -1].map((by) => {
    model.step([2, 1, 0], by);
    return model.cursor;
  });
  assert.deepEqual(went, [1, 0, 1, 0]);
});

test("near a target the nearest is the best, however large another is", () => {
  assert.ok(compare(0.95, 1.6, "max", 1) < 0);
  assert.ok(compare(1.1, 0.5, "max", 1) < 0);
  assert.ok(compare(0.95, 1.6, "max", null) > 0);
});
