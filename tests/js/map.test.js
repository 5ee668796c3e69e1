import assert from "node:assert/strict";
import { test } from "node:test";
import { coloursOf, NO_TONE, tonesOf } from "../../app/components/map/colours.js";
import { extentOf, Grid } from "../../app/components/map/grid.js";
import { mediansOf } from "../../app/components/map/overlay.js";
import { dotShape } from "../../app/components/map/points.js";
import { frameAt } from "../../app/components/map/replay.js";
import { Room } from "../../app/components/map/room.js";
import { isInside, packRows, unpackRows } from "../../app/components/map/selection.js";
import { wordsOf } from "../../app/components/map/tip.js";
import { MARGIN, ticksOf, tickText, View } from "../../app/components/map/view.js";
import { close, numbers, PALETTE } from "./helpers.js";

const POINTS = numbers(2000, 3);

/** @param {[number, number]} size */
function viewOf([width, height]) {
  const view = Object.assign(new View(), { width, height });
  view.fit({ x0: -2, x1: 4, y0: 0, y1: 1 });
  return view;
}

test("all that fits is in view, its middle in the middle", () => {
  const view = viewOf([400, 300]);
  const [x0, x1, y0, y1] = view.box;
  assert.ok(x0 < -2 && x1 > 4 && y0 < 0 && y1 > 1);
  close(view.spot(...view.middle), [1, 0.5], 1e-9);
  assert.ok(view.across(-2) > MARGIN.left && view.down(0) < 300 - MARGIN.bottom);
});

test("screen and data are each other's inverse, and up is up", () => {
  const view = viewOf([640, 480]);
  close(view.spot(view.across(0.3), view.down(-7)), [0.3, -7], 1e-9);
  assert.ok(view.down(1) < view.down(0));
});

test("zooming leaves what is under the pointer where it is, within its bounds", () => {
  const view = viewOf([400, 300]);
  const before = view.spot(100, 80);
  view.zoom(3, 100, 80);
  close(view.spot(100, 80), before, 1e-9);
  assert.equal(view.fitted, false);
  view.zoom(1e9, 100, 80);
  assert.equal(view.k, view.most);
  view.zoom(1e-9, 100, 80);
  assert.equal(view.k, view.least);
  const moved = view.spot(100, 80);
  view.pan(12, -5);
  close(view.spot(112, 75), moved, 1e-9);
});

test("the grid finds the nearest point that is shown, as looking at all of them does", () => {
  const grid = new Grid(POINTS);
  assert.deepEqual(
    [...grid.row].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, i) => i),
  );
  const shown = (/** @type {number} */ at) => grid.row[at] % 3 > 0;
  for (const [x, y] of [
    [0, 0],
    [0.9, -0.9],
    [-0.31, 0.77],
    [5, 5],
  ]) {
    let best = { d: 0.1 ** 2, row: -1 };
    for (let row = 0; row < 1000; row++) {
      const d = (POINTS[2 * row] - x) ** 2 + (POINTS[2 * row + 1] - y) ** 2;
      if (row % 3 && d < best.d) best = { d, row };
    }
    assert.equal(grid.nearest(x, y, 0.1, shown), best.row);
  }
});

test("the grid leaves out nothing of a box", () => {
  const grid = new Grid(POINTS);
  /** @type {[number, number, number, number]} */
  const box = [-0.2, 0.4, 0.1, 0.15];
  const found = new Set();
  for (const [from, to] of grid.runs(box)) for (let at = from; at < to; at++) found.add(grid.row[at]);
  for (let row = 0; row < 1000; row++) {
    const [x, y] = [POINTS[2 * row], POINTS[2 * row + 1]];
    if (x >= box[0] && x <= box[1] && y >= box[2] && y <= box[3]) assert.ok(found.has(row));
  }
  assert.ok(found.size < 300, "and what is far off is not looked at");
  assert.equal(grid.count(box), found.size);
  assert.equal(grid.count([5, 6, 5, 6]), 0 + grid.count([5, 6, 5, 6]));
  assert.deepEqual(extentOf([1, 2, -3, 4]), { x0: -3, x1: 1, y0: 2, y1: 4 });
});

test("a lasso holds what lies inside, also where it is hollow", () => {
  /** @type {[number, number][]} */
  const hook = [
    [0, 0],
    [4, 0],
    [4, 4],
    [3, 4],
    [3, 1],
    [0, 1],
  ];
  assert.ok(isInside(1, 0.5, hook) && isInside(3.5, 3, hook));
  assert.ok(!isInside(1, 2, hook) && !isInside(5, 0.5, hook) && !isInside(-1, 0.5, hook));
});

test("a selection as text comes back, least bit first", () => {
  const rows = Uint8Array.from({ length: 19 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  assert.equal(packRows(rows), btoa(String.fromCharCode(0b00100001, 0b10000100, 0)));
  assert.deepEqual(unpackRows(packRows(rows), 19), rows);
  assert.equal(unpackRows("", 19), null);
});

test("ticks are round and few", () => {
  assert.deepEqual(ticksOf(-1, 1, 4).values, [-1, -0.5, 0, 0.5, 1]);
  const { values, step } = ticksOf(0.1234, 0.1299, 5);
  assert.equal(step, 0.002);
  assert.deepEqual(
    values.map((v) => tickText(v, step)),
    ["0.124", "0.126", "0.128"],
  );
  assert.equal(tickText(-0.5, 0.5), "−0.5");
  assert.equal(tickText(1e-17, 0.5), "0");
});

test("classes, numbers and what has neither get their colours", () => {
  const classes = { kind: /** @type {const} */ ("classes"), values: "", names: [], title: "" };
  const colours = coloursOf(classes, PALETTE);
  assert.equal(colours.length, 256);
  assert.deepEqual(colours[1], [0, 0, 2]);
  assert.notDeepEqual(colours[7], colours[1], "a second round is told apart");
  assert.deepEqual(colours[NO_TONE], [10, 11, 12]);
  const by = { kind: /** @type {const} */ ("numbers"), values: "", low: 2, high: 4, title: "" };
  const ramp = coloursOf(by, PALETTE);
  assert.deepEqual(
    [ramp[0], ramp[127], ramp[254]],
    [
      [0, 0, 0],
      [128, 128, 128],
      [255, 0, 255],
    ],
  );
  const row = Int32Array.of(4, 0, 1, 2, 3);
  const tones = tonesOf(by, Float32Array.of(2, 3, 9, -9, Number.NaN), row);
  assert.deepEqual([...tones], [NO_TONE, 0, 127, 254, 0]);
});

test("a dot has soft edges and is round", () => {
  const { offsets, covers } = dotShape(1.5, 100);
  const at = new Map(Array.from(offsets, (offset, i) => [offset / 4, covers[i]]));
  assert.equal(at.get(0), 1);
  assert.equal(at.get(1), 1);
  assert.equal(at.get(2), undefined);
  assert.equal(at.get(101), at.get(-101));
  assert.ok((at.get(101) ?? 0) < 1);
});

test("between two frames points lie on the straight line", () => {
  const frames = Float32Array.of(0, 0, 1, 1, 2, 4, 3, 1);
  assert.deepEqual([...frameAt(frames, 4, 0)], [0, 0, 1, 1]);
  assert.deepEqual([...frameAt(frames, 4, 0.5)], [1, 2, 2, 1]);
  assert.deepEqual([...frameAt(frames, 4, 1)], [2, 4, 3, 1]);
  assert.deepEqual([...frames.slice(0, 4)], [0, 0, 1, 1], "and the frames stay as they are");
});

test("a name stands at the median of its class", () => {
  const points = [0, 0, 1, 5, 9, 2, 7, 7];
  const found = mediansOf(points, [1, 1, 1, 2], (k) => k === 1);
  assert.deepEqual([...found], [[1, [1, 2]]]);
});

test("the tip says a label, a value and where the picture is from", () => {
  const colour = { kind: /** @type {const} */ ("numbers"), values: "", low: 0, high: 1, title: "error" };
  const labels = { values: "", names: ["a", "b"], title: "label" };
  const data = /** @type {any} */ ({ colour, labels, decoded: true });
  assert.deepEqual(wordsOf(data, 0.123456, 1), ["label: b", "error: 0.123", "decoded from its code"]);
});

test("pictures that fit cover none of each other, and whatever was left out would have", () => {
  const [width, height, side] = [500, 300, 31];
  const room = new Room(width, height, side);
  const xs = numbers(3000, 5).map((v) => (Math.abs(v) * 997) % width);
  const ys = numbers(3000, 6).map((v) => (Math.abs(v) * 991) % height);
  /** @type {[number, number][]} */
  const taken = [];
  /** @type {[number, number][]} */
  const left = [];
  for (let i = 0; i < xs.length; i++) (room.take(xs[i], ys[i]) ? taken : left).push([xs[i], ys[i]]);
  const covers = (/** @type {number[]} */ [x, y], /** @type {number[]} */ [u, v]) =>
    Math.abs(x - u) < side && Math.abs(y - v) < side;
  assert.deepEqual(taken[0], [xs[0], ys[0]], "the first comes first");
  assert.ok(taken.length > 60, "many fit");
  assert.ok(taken.every((one, i) => taken.slice(i + 1).every((other) => !covers(one, other))));
  assert.ok(left.every((one) => taken.some((other) => covers(one, other))));
});
