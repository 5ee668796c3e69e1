// Paths, dials and cursors: what a handle's position means.

import assert from "node:assert/strict";
import { test } from "node:test";
import { indexAt, placeOf } from "../../app/components/beta_cursor/marks.js";
import { betaText, interpolate, roundTicks } from "../../app/components/dial/curve.js";
import { measure } from "../../app/components/path/strip.js";
import { playOn, Track } from "../../app/components/path/track.js";
import { close } from "./helpers.js";

/** @param {Float64Array | Float32Array} array */
const base64 = (array) => btoa(String.fromCharCode(...new Uint8Array(array.buffer)));
const track = new Track({
  t: base64(Float64Array.of(0, 0.5, 2)),
  codes: base64(Float32Array.of(0, 0, 1, 4, 2, 2)),
  marks: [
    [0, "1"],
    [2, "2"],
  ],
});

test("a path is straight between its codes, and at a waypoint exactly its own", () => {
  close(track.code(0.25), [0.5, 2], 1e-6);
  close(track.code(1.25), [1.5, 3], 1e-6);
  assert.deepEqual([...track.code(1.9999)], [2, 2]);
  assert.deepEqual([...track.code(9)], [2, 2], "beyond its end it stays there");
});

test("a position is said in words", () => {
  const said = [0, 1, -1, 3].map((position) => track.describe(position, "position"));
  assert.deepEqual(said, [
    "at waypoint 1",
    "between waypoints 1 and 2",
    "before waypoint 1: extrapolated",
    "beyond waypoint 2: extrapolated",
  ]);
  assert.equal(track.describe(0, "strength"), "the image as it is");
});

test("playing turns at the ends, or begins again", () => {
  assert.deepEqual(playOn(0.9, 1, 0.3, [0, 1], true), { position: 0.8, forward: -1 });
  assert.deepEqual(playOn(0.9, 1, 0.3, [0, 1], false), { position: 0, forward: 1 });
  close([playOn(0.1, -1, 0.3, [0, 1], true).position], [0.2], 1e-12);
  assert.deepEqual(playOn(0.5, 1, 0.25, [0, 1], true), { position: 0.75, forward: 1 });
});

test("a strip shows as many pictures as have room", () => {
  const frames = Array.from({ length: 11 }, (_, i) => i / 10);
  const data = { edge: 0.04, low: 0, high: 1, frames };
  assert.deepEqual(measure(data, 1000), { size: 78, stride: 1 });
  const narrow = measure(data, 200);
  assert.equal(narrow.stride, 2);
  assert.ok(narrow.size >= 12);
});

test("between two stops figures go straight over log β", () => {
  const stops = { betas: [0.1, 1, 10], rate: [30, 20, 0], distortion: [1, 2, 6], kl: [[9], [8], [0]] };
  const at = interpolate(stops, Math.sqrt(10));
  close([at.low, at.share, at.rate, at.distortion, at.kl[0]], [1, 0.5, 10, 4, 4], 1e-9);
  assert.equal(interpolate(stops, 0.1).rate, 30);
  assert.equal(interpolate(stops, 10).rate, 0);
  assert.equal(interpolate(stops, 99).rate, 0, "and no farther than the stops");
  assert.equal(betaText(0.12345), "0.123");
  assert.deepEqual(roundTicks(0, 10), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(roundTicks(-0.3, 0.3), [-0.2, 0, 0.2]);
});

/** An axis of 100 pixels that begins at 20, for 0 to 10. */
const AXIS = {
  ...{ _offset: 20, _length: 100 },
  d2p: (/** @type {unknown} */ v) => 10 * Number(v),
  l2p: (/** @type {number} */ v) => 10 * v,
};

test("a mark stands on its point, at its line, around its column", () => {
  const point = placeOf({ kind: "point", x: [3], y: [4] }, 0, AXIS, AXIS);
  assert.deepEqual(point.box, { left: 20, top: 50, width: 20, height: 20 });
  const line = placeOf({ kind: "line", x: [3], y: null }, 0, AXIS, AXIS);
  assert.deepEqual(line.box, { left: 29, top: 20, width: 2, height: 100 });
  const column = placeOf({ kind: "column", x: ["a", "b"], y: null }, 1, AXIS, AXIS);
  assert.deepEqual(column.box, { left: 5, top: 20, width: 10, height: 100 });
  assert.ok(point.inside && line.inside && column.inside);
  assert.ok(!placeOf({ kind: "line", x: [30], y: null }, 0, AXIS, AXIS).inside, "beyond a zoomed axis");
});

test("a click on a chart's point says which β", () => {
  const point = { kind: /** @type {const} */ ("point"), x: [1, 2], y: [5, 6] };
  assert.equal(indexAt(point, { x: 2, y: 6 }), 1);
  assert.equal(indexAt(point, { x: 2, y: 5 }), -1);
  assert.equal(indexAt({ kind: "column", x: ["0.5", "1"], y: null }, { x: "1", y: 3 }), 1);
  assert.equal(indexAt(undefined, { x: 2, y: 5 }), -1);
});
