import assert from "node:assert/strict";
import { test } from "node:test";
import { withRoom } from "../../app/components/scrub/chart.js";
import { roundTicks } from "../../app/components/shared/ticks.js";
import { close } from "./helpers.js";

test("labels of an axis that would touch are left out, the last never", () => {
  const labels = ["10", "30", "100", "300", "1k", "1536"];
  assert.deepEqual(withRoom([48, 127, 213, 292, 379, 410], labels), [true, true, true, true, false, true]);
  assert.deepEqual(withRoom([48, 60, 84, 200], ["100", "200", "300", "400"]), [true, false, true, true]);
  assert.deepEqual(withRoom([48, 400], ["1", "2"]), [true, true]);
  assert.deepEqual(withRoom([48], ["1"]), [true]);
  assert.deepEqual(withRoom([], []), []);
});

test("an axis has round numbers", () => {
  close(roundTicks(10.4, 34.8), [15, 20, 25, 30], 1e-9);
  close(roundTicks(0.289, 0.96), [0.4, 0.6, 0.8], 1e-9);
  close(roundTicks(-1.9, 1.9), [-1, 0, 1], 1e-9);
  close(roundTicks(0, 0.1), [0, 0.02, 0.04, 0.06, 0.08, 0.1], 1e-9);
  close(roundTicks(4.999, 5.001), [4.999, 4.9995, 5, 5.0005, 5.001], 1e-9);
});
