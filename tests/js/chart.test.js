import assert from "node:assert/strict";
import { test } from "node:test";
import { withRoom } from "../../app/components/scrub/chart.js";

test("labels of an axis that would touch are left out, the last never", () => {
  const labels = ["10", "30", "100", "300", "1k", "1536"];
  assert.deepEqual(withRoom([48, 127, 213, 292, 379, 410], labels), [true, true, true, true, false, true]);
  assert.deepEqual(withRoom([48, 60, 84, 200], ["100", "200", "300", "400"]), [true, false, true, true]);
  assert.deepEqual(withRoom([48, 400], ["1", "2"]), [true, true]);
  assert.deepEqual(withRoom([48], ["1"]), [true]);
  assert.deepEqual(withRoom([], []), []);
});
