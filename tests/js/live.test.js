import assert from "node:assert/strict";
import { test } from "node:test";
import { chartsOf } from "../../app/components/live/charts.js";
import { toCsv } from "../../app/components/live/csv.js";
import { betaAt, clock, number, sentence, short, smooth } from "../../app/components/live/numbers.js";
import { RunRecord } from "../../app/components/live/record.js";
import { close, PALETTE } from "./helpers.js";

/** @import { EpochLine, StepLine } from "../../app/components/live/types.js" */

/** @param {number} distortion @param {number | null} rate */
const terms = (distortion, rate) => {
  const loss = distortion + (rate ?? 0);
  return { loss, distortion, rate, objective: loss, kl_per_dim: rate === null ? [] : [rate, 0] };
};
/** @param {number} step @param {number | null} [rate] @returns {StepLine} */
const stepLine = (step, rate = 2) => ({
  ...{ event: "step", step, epoch: 1, terms: terms(10, rate) },
  ...{ beta: step / 10, learning_rate: 0.001, images_per_second: 500 },
});
/** @param {number} step @returns {EpochLine} */
const epochLine = (step) => ({
  ...{ event: "epoch", step, epoch: 1, train: terms(10, 2), validation: terms(11, 3), active_units: 1 },
});

/** @param {(StepLine | EpochLine)[]} lines @param {string} [dial] */
function recordOf(lines, dial = "") {
  const record = new RunRecord({ id: "a-1", name: "a", dial }, "#123456");
  for (const line of lines) record.take(line);
  return record;
}

test("the CSV has a row per step and two per epoch", () => {
  const rows = toCsv([stepLine(5), { event: "checkpoint", step: 5 }, epochLine(5), stepLine(6, null)]).split(
    "\n",
  );
  assert.equal(
    rows[0],
    "event,step,epoch,split,loss,distortion,rate,objective,beta,learning_rate,images_per_second,active_units",
  );
  assert.deepEqual(rows.slice(1), [
    "step,5,1,train,12,10,2,12,0.5,0.001,500,",
    "epoch,5,1,train,12,10,2,12,,,,1",
    "epoch,5,1,validation,14,11,3,14,,,,1",
    "step,6,1,train,10,10,,10,0.6,0.001,500,",
    "",
  ]);
});

test("a resumed run supersedes what came after its checkpoint", () => {
  const record = recordOf([stepLine(1)]);
  record.take({ event: "checkpoint", step: 1 });
  record.take(stepLine(2));
  record.take({ event: "resumed", step: 1 });
  record.take(stepLine(3));
  assert.deepEqual(
    record.steps.map(({ step }) => step),
    [1, 3],
  );
  record.take({ event: "resumed", step: 2 });
  assert.deepEqual(
    record.steps.map(({ step }) => step),
    [1],
    "without that checkpoint, by its step",
  );
});

test("a moving average begins at its first value and forgets", () => {
  close(/** @type {number[]} */ (smooth([4, 4, 4], 0.9)), [4, 4, 4], 1e-12);
  const [, second, third] = smooth([0, 1, null], 0.5);
  close([second ?? 0], [2 / 3], 1e-12);
  assert.equal(third, null);
  assert.deepEqual(smooth([1, null], 0), [1, null]);
});

test("β at a step is that of the last line until then", () => {
  const steps = [stepLine(10), stepLine(20)];
  assert.deepEqual(
    [5, 10, 15, 25].map((step) => betaAt(steps, step)),
    [1, 1, 1, 2],
  );
  assert.equal(betaAt([], 3), 1);
});

test("numbers are written for people", () => {
  assert.deepEqual([null, 1234.5, 123.45, 1.234].map(number), ["–", "1,235", "123.5", "1.23"]);
  assert.deepEqual([0.00012345, undefined].map(short), ["0.000123", "–"]);
  assert.deepEqual(["the loss grew", "β grew", ""].map(sentence), ["The loss grew", "β grew", ""]);
  assert.deepEqual([5, 65, 3725].map(clock), ["0:05", "1:05", "1:02:05"]);
});

const LOOK = { weight: 0, log: false, palette: PALETTE };
/** @param {import("../../app/components/live/charts.js").Chart} chart */
const names = ({ traces }) => traces.map((trace) => trace.name);

test("charts show loss, terms weighted by β, KL and schedules", () => {
  const [loss, parts, schedule, kl] = chartsOf([recordOf([stepLine(10), stepLine(20), epochLine(20)])], LOOK);
  assert.deepEqual(names(loss), ["train", "validation"]);
  assert.deepEqual(names(parts), ["distortion", "distortion, validation", "β·rate", "β·rate, validation"]);
  assert.deepEqual(
    parts.traces.map(({ y }) => y),
    [[10, 10], [11], [2, 4], [6]],
  );
  assert.deepEqual(names(schedule), ["β", "learning rate"]);
  assert.deepEqual(kl.traces[0].x, ["z0", "z1"]);
  assert.deepEqual(kl.traces[0].marker, { color: ["#000001", "#bbbbbb"] }, "an unused dimension is faded");
});

test("a plain autoencoder has no rate, a β dial no β of its own", () => {
  const [, parts] = chartsOf([recordOf([stepLine(1, null)])], LOOK);
  assert.deepEqual(names(parts), ["distortion", "distortion, validation"]);
  const [, dialParts, dialSchedule] = chartsOf([recordOf([stepLine(1)], "0.1 to 10")], LOOK);
  assert.equal(dialParts.title, "Distortion and rate");
  assert.deepEqual(names(dialSchedule), ["learning rate"]);
});

test("several runs are named in the legend and keep their colours", () => {
  const [loss] = chartsOf([recordOf([stepLine(1)]), recordOf([stepLine(1)])], LOOK);
  assert.deepEqual(names(loss), ["a: train", "a: validation", "a: train", "a: validation"]);
  assert.equal(/** @type {any} */ (loss.traces[0].line).color, "#123456");
});
