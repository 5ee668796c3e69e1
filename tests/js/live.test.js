import assert from "node:assert/strict";
import { test } from "node:test";
import { chartsOf } from "../../app/components/live/charts.js";
import { toCsv } from "../../app/components/live/csv.js";
import { clock, number, sentence, short, smooth } from "../../app/components/live/numbers.js";
import { RunRecord } from "../../app/components/live/record.js";
import { close, PALETTE } from "./helpers.js";

/** @import { Coefficient, Term, Terms } from "../../app/components/live/types.js" */
/** @import { WrittenEpoch, WrittenStep } from "../../app/components/live/types.js" */

/** @param {string} name @param {string | null} weight @returns {Term} */
const term = (name, weight) => ({
  ...{ name, label: name, title: `${name} in full`, unit: "nats per image", weight, help: "", chart: "" },
});
const DISTORTION = term("distortion", "");
/** @type {Coefficient} */
const BETA = { name: "beta", symbol: "β", unit: "", help: "", live: true };
const VAE = { terms: [DISTORTION, term("rate", "beta")], coefficients: [BETA] };
const CAPACITY = {
  terms: [DISTORTION, term("rate", null), term("gap", "gamma")],
  coefficients: [
    { ...BETA, name: "gamma", symbol: "γ" },
    { ...BETA, name: "capacity", symbol: "C", unit: "nats per image", live: false },
  ],
};

/** @param {number} distortion @param {number} rate @param {number} beta @returns {Terms} */
const terms = (distortion, rate, beta) => ({
  ...{ loss: distortion + beta * rate, objective: distortion + rate, kl_per_dim: [rate, 0] },
  ...{ values: { distortion, rate }, parts: { distortion, rate: beta * rate } },
});
/** @param {number} step @returns {WrittenStep} */
const stepLine = (step, beta = step / 10) => ({
  ...{ event: "step", step, epoch: 1, terms: terms(10, 2, beta), coefficients: { beta } },
  ...{ learning_rate: 0.001, images_per_second: 500 },
});
/** @param {number} step @returns {WrittenEpoch} */
const epochLine = (step) => ({
  ...{ event: "epoch", step, epoch: 1, train: terms(10, 2, 1), validation: terms(11, 3, 1) },
  active_units: 1,
});
/** As earlier versions wrote them. @param {number} step @param {number | null} rate @returns {WrittenStep} */
const earlierStep = (step, rate, beta = 0.5) => ({
  ...{ event: "step", step, epoch: 1, beta, capacity: null, learning_rate: 0.001, images_per_second: 500 },
  terms: { loss: 10, distortion: 10, rate, objective: 10, kl_per_dim: [] },
});

/** @param {(WrittenStep | WrittenEpoch)[]} lines @param {typeof VAE} [of] @param {string} [dial] */
function recordOf(lines, of = VAE, dial = "") {
  const record = new RunRecord({ id: "a-1", name: "a", dial, encoder: true, ...of }, "#123456");
  for (const line of lines) record.take(line);
  return record;
}

test("the CSV has a row per step and two per epoch, a column per term and coefficient", () => {
  const record = recordOf([stepLine(5), epochLine(5)]);
  record.take({ event: "checkpoint", step: 5 });
  assert.deepEqual(toCsv(record).split("\n"), [
    "event,step,epoch,split,loss,objective,distortion,rate,weighed_rate,beta," +
      "learning_rate,images_per_second,active_units",
    "step,5,1,train,11,12,10,2,1,0.5,0.001,500,",
    "epoch,5,1,train,12,12,10,2,2,,,,1",
    "epoch,5,1,validation,14,14,11,3,3,,,,1",
    "",
  ]);
});

test("lines of earlier versions are read with their one weight and two terms", () => {
  const [step] = recordOf([earlierStep(5, 4)]).steps;
  assert.deepEqual(step.coefficients, { beta: 0.5 });
  assert.deepEqual(step.terms.values, { distortion: 10, rate: 4 });
  assert.deepEqual(step.terms.parts, { distortion: 10, rate: 2 });
  const { terms: old } = earlierStep(5, 6);
  const record = recordOf([earlierStep(5, 4, 2)]);
  record.take({ event: "epoch", step: 5, epoch: 1, train: old, validation: old, active_units: 1 });
  assert.equal(record.epochs[0].validation.parts.rate, 12, "at the weight of the step before");
  const held = { ...earlierStep(5, 4, 30), capacity: 7 };
  assert.deepEqual(recordOf([held], CAPACITY).steps[0].coefficients, { gamma: 30, capacity: 7 });
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

test("of what a checkpoint by the clock was gone on from, requests it did not know of are left out", () => {
  const record = recordOf([stepLine(2)]);
  const request = { event: /** @type {const} */ ("controlled"), step: 2, command: "beta", value: 2 };
  record.take({ ...request, number: 1 });
  record.take({ ...request, number: 2 });
  record.take(stepLine(4));
  record.take({ event: "resumed", step: 2, control: 1 });
  const left = record.lines.map((line) => ("number" in line ? line.number : line.event));
  assert.deepEqual(left, ["step", 1, "resumed"]);
});

test("live points stand behind the record until its next step stands for them", async () => {
  const answer = (/** @type {object} */ more) => ({
    ...{ next: 1, more: false, log: "a", status: { state: "running" }, advice: [], name: "a", lines: [] },
    ...more,
  });
  const answers = [
    answer({ lines: [stepLine(20)], live: [stepLine(20), stepLine(24), stepLine(31)] }),
    answer({ live: [stepLine(24), stepLine(31)] }),
    answer({ lines: [stepLine(40)], live: [stepLine(24), stepLine(31)], next: 2 }),
    answer({ next: 2 }),
  ];
  const real = globalThis.fetch;
  globalThis.fetch = async () => new Response(JSON.stringify(answers.shift()));
  try {
    const record = recordOf([]);
    const seen = [];
    for (let i = 0; i < 4; i++) {
      record.changed = false;
      await record.fetch();
      seen.push([record.steps.map(({ step }) => step), record.changed]);
    }
    assert.deepEqual(seen, [
      [[20, 24, 31], true],
      [[20, 24, 31], false],
      [[20, 40], true],
      [[20, 40], false],
    ]);
    assert.equal(toCsv(record).split("\n").length, 4, "the CSV holds what repeats");
  } finally {
    globalThis.fetch = real;
  }
});

test("a moving average begins at its first value and forgets", () => {
  close(/** @type {number[]} */ (smooth([4, 4, 4], 0.9)), [4, 4, 4], 1e-12);
  const [, second, third] = smooth([0, 1, null], 0.5);
  close([second ?? 0], [2 / 3], 1e-12);
  assert.equal(third, null);
  assert.deepEqual(smooth([1, null], 0), [1, null]);
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

test("the axes of a distance that is no likelihood name no nats", () => {
  const away = { ...DISTORTION, label: "distance", unit: "no unit, no nats" };
  const record = recordOf([stepLine(10)], { ...VAE, terms: [away, VAE.terms[1]] });
  const axes = (/** @type {RunRecord[]} */ runs) =>
    chartsOf(runs, LOOK)
      .slice(0, 2)
      .map(({ layout }) => /** @type {any} */ (layout).yaxis.title.text);
  assert.deepEqual(axes([record]), ["no unit, no nats", "distance, no unit, no nats"]);
  assert.deepEqual(axes([recordOf([stepLine(10)])]), ["nats per image", "distortion, nats"]);
});

test("charts show the loss, what adds up to it, KL and schedules", () => {
  const record = recordOf([stepLine(10), stepLine(20), epochLine(20)]);
  const [loss, parts, shown, schedule, kl] = chartsOf([record], LOOK);
  assert.deepEqual(names(loss), ["train", "validation"]);
  assert.deepEqual(names(parts), [
    "distortion",
    "distortion, validation",
    "β · rate",
    "β · rate, validation",
  ]);
  assert.deepEqual(
    parts.traces.map(({ y }) => y),
    [[10, 10], [11], [2, 4], [3]],
  );
  const drawn = parts.traces.map(({ y }) => /** @type {number[]} */ (y));
  const added = drawn[0].map((v, i) => v + drawn[2][i]);
  assert.deepEqual(added, loss.traces[0].y, "parts add up to the loss beside them");
  assert.deepEqual(names(shown), []);
  assert.deepEqual(names(schedule), ["β", "learning rate"]);
  assert.deepEqual(kl.traces[0].x, ["z0", "z1"]);
  assert.deepEqual(kl.traces[0].marker, { color: ["#000001", "#bbbbbb"] }, "an unused dimension is faded");
});

test("a change by hand is an upright edge at its own step", () => {
  const record = recordOf([stepLine(10, 4), stepLine(20, 4)]);
  const request = { event: /** @type {const} */ ("controlled"), number: 1 };
  record.take({ ...request, step: 23, command: "beta", value: 6 });
  record.take({ ...request, step: 25, command: "learning_rate", value: 0.1 });
  record.take({ ...request, step: 27, command: "beta", value: 8 });
  const drawn = () => {
    const [, , , { traces }] = chartsOf([record], LOOK);
    return traces.map(({ x, y }) => [x, y]);
  };
  const edges = [
    [10, 20, 23, 23, 27, 27],
    [4, 4, 4, 6, 6, 8],
  ];
  const rates = [
    [10, 20],
    [0.001, 0.001],
  ];
  assert.deepEqual(
    drawn(),
    [edges, rates],
    "shown before the next point is there; its rate is not known yet",
  );
  record.take({ ...stepLine(30, 8), learning_rate: 0.0001 });
  assert.deepEqual(drawn(), [
    [
      [...edges[0], 30],
      [...edges[1], 8],
    ],
    [
      [10, 20, 25, 25, 30],
      [0.001, 0.001, 0.001, 0.0001, 0.0001],
    ],
  ]);
});

test("a hand moves no coefficient but the one it may, and a refused change none", () => {
  const line = (/** @type {number} */ step) => ({
    ...stepLine(step),
    coefficients: { gamma: 30, capacity: step / 10 },
  });
  const record = recordOf([line(10)], CAPACITY);
  record.take({ event: "controlled", step: 12, number: 1, command: "beta", value: 50 });
  record.take({ event: "controlled", step: 13, number: 2, command: "beta ignored", value: 70 });
  record.take({ ...line(20), coefficients: { gamma: 50, capacity: 2 } });
  const [, , , { traces }] = chartsOf([record], LOOK);
  assert.deepEqual(traces.map(({ x, y }) => [x, y]).slice(0, 2), [
    [
      [10, 12, 12, 20],
      [30, 30, 50, 50],
    ],
    [
      [10, 20],
      [1, 2],
    ],
  ]);
});

test("a chart without a point says what it waits for", () => {
  const status = (/** @type {string} */ state) =>
    /** @type {import("../../app/components/live/types.js").Status} */ ({ state, live: state === "running" });
  const said = (/** @type {RunRecord} */ record, state = "") => {
    record.status = state ? status(state) : null;
    const [loss, , , , kl] = chartsOf([record], LOOK);
    return [loss, kl].map(({ layout }) => /** @type {any} */ (layout.annotations)?.[0].text);
  };
  const empty = recordOf([]);
  assert.deepEqual(said(empty), ["loading", "loading"]);
  assert.deepEqual(said(empty, "queued")[0], "waits for its turn in the queue");
  assert.deepEqual(said(empty, "running"), ["waits for the first step", "waits for the first step"]);
  assert.deepEqual(said(empty, "failed")[0], "the run ended before its first step");
  const { terms: written } = stepLine(1);
  const wide = recordOf([{ ...stepLine(1), terms: { .../** @type {Terms} */ (written), kl_per_dim: [] } }]);
  assert.deepEqual(said(wide, "running"), [undefined, "waits for the end of the first epoch"]);
  const plain = recordOf([earlierStep(1, null)], { terms: [DISTORTION], coefficients: [] });
  assert.deepEqual(said(plain, "running"), [undefined, "this objective has no KL"]);
});

test("a term that is only shown stands beside the coefficient it is held against", () => {
  const line = {
    ...stepLine(1),
    coefficients: { gamma: 30, capacity: 5 },
    terms: { ...terms(10, 2, 0), parts: { distortion: 10, gap: 90 } },
  };
  const [, parts, shown, schedule] = chartsOf([recordOf([line], CAPACITY)], LOOK);
  assert.deepEqual(names(parts), ["distortion", "distortion, validation", "γ · gap", "γ · gap, validation"]);
  assert.deepEqual(names(shown), ["rate", "rate, validation", "C"]);
  assert.deepEqual([shown.traces[0].y, shown.traces[2].y], [[2], [5]]);
  assert.deepEqual(names(schedule), ["γ", "C", "learning rate"]);
});

test("what an earlier version did not write is not drawn; a plain autoencoder has one term", () => {
  const [, parts] = chartsOf([recordOf([earlierStep(1, null)])], LOOK);
  assert.deepEqual(names(parts), ["distortion", "distortion, validation"]);
  const plain = { terms: [DISTORTION], coefficients: [] };
  const [, one, none, schedule] = chartsOf([recordOf([earlierStep(1, null)], plain)], LOOK);
  assert.deepEqual(names(one), ["distortion", "distortion, validation"]);
  assert.deepEqual(names(none), []);
  assert.deepEqual(names(schedule), ["learning rate"]);
});

test("a dial's shown terms say at which β they are", () => {
  const dial = { terms: [term("rate", null)], coefficients: [] };
  const [, , shown, schedule] = chartsOf([recordOf([stepLine(1)], dial, "0.1–10")], LOOK);
  assert.deepEqual(names(shown), ["rate, mean over β", "rate, validation at β = 1"]);
  assert.deepEqual(names(schedule), ["learning rate"]);
});

test("several runs are named in the legend and keep their colours", () => {
  const [loss] = chartsOf([recordOf([stepLine(1)]), recordOf([stepLine(1)])], LOOK);
  assert.deepEqual(names(loss), ["a: train", "a: validation", "a: train", "a: validation"]);
  assert.equal(/** @type {any} */ (loss.traces[0].line).color, "#123456");
});

test("terms that ask for a chart of their own stand in place of parts and of the KL", () => {
  const own = (/** @type {string} */ name, /** @type {string} */ chart, /** @type {string} */ unit) => ({
    ...{ ...term(name, name === "one" ? "" : null), chart, unit },
  });
  const game = {
    terms: [
      own("one", "Losses", "loss"),
      own("two", "Losses", "loss"),
      own("real", "Judged", "share"),
      own("norm", "", "norm"),
    ],
    coefficients: [],
  };
  const values = { one: 1, two: 2, real: 0.6, norm: 3 };
  const said = { ...{ loss: 1, objective: 1, kl_per_dim: [] }, values, parts: { one: 1 } };
  const [, losses, shown, , judged] = chartsOf([recordOf([{ ...stepLine(1), terms: said }], game)], LOOK);
  assert.deepEqual([losses.name, losses.title], ["terms", "Losses"]);
  assert.deepEqual(
    losses.traces
      .filter(({ showlegend }) => showlegend)
      .map(({ name, y }) => [name, .../** @type {number[]} */ (y)]),
    [
      ["one", 1],
      ["two", 2],
    ],
  );
  assert.deepEqual([judged.name, judged.title, judged.traces[0].y], ["kl", "Judged", [0.6]]);
  assert.match(shown.title, /norm in full/);
  assert.doesNotMatch(shown.title, /real|two/);
});
