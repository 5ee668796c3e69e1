import assert from "node:assert/strict";
import { test } from "node:test";
import { areaOf, integrand, parts } from "../../app/components/lesson/bells.js";
import { summary } from "../../app/components/lesson/draws.js";
import { TinyVae } from "../../app/components/lesson/tiny_vae.js";
import { numbers } from "./helpers.js";

const PIXELS = 12;

/** Pictures of a planted task: a bright bar at one of four places. */
const bars = Array.from({ length: 40 }, (_, i) =>
  Float32Array.from({ length: 16 }, (_, p) => (Math.floor(p / 4) === i % 4 ? 0.95 : 0.05)),
);

test("the gradient is that of finite differences, of every weight", () => {
  const vae = new TinyVae({ pixels: PIXELS, hidden: 5, seed: 3 });
  const x = numbers(PIXELS, 1).map((v) => 0.5 + 0.5 * v);
  const [eps, beta] = [[0.7, -1.2], 2.5];
  const loss = () => {
    const { distortion, rate } = vae.costs(x, eps, beta);
    return distortion + beta * rate;
  };
  vae.costs(x, eps, beta, 1);
  const step = 1e-5;
  let most = 0;
  vae.weights.forEach((weight, k) => {
    vae.weights[k] = weight + step;
    const up = loss();
    vae.weights[k] = weight - step;
    const down = loss();
    vae.weights[k] = weight;
    const wanted = (up - down) / (2 * step);
    most = Math.max(most, Math.abs(wanted));
    assert.ok(Math.abs(vae.slopes[k] - wanted) < 1e-6, `weight ${k}: ${vae.slopes[k]}, not ${wanted}`);
  });
  assert.ok(most > 0.1);
});

test("costs are those of hand-made weights", () => {
  const vae = new TinyVae({ pixels: 3, hidden: 2 });
  vae.weights.fill(0);
  vae.weights[vae.layers.say.bias] = 0.8; // the first mean
  vae.weights[vae.layers.say.bias + 2] = Math.log(0.25); // its log variance
  const { distortion, rate } = vae.costs([0, 0.5, 1], [1, 1], 1);
  assert.ok(Math.abs(distortion - 3 * Math.log(2)) < 1e-12);
  assert.ok(Math.abs(rate - parts(0.8, 0.5).whole) < 1e-12);
});

test("it learns a planted task, gives its rate up when that is dear, and takes it up again", () => {
  const vae = new TinyVae({ pixels: 16, seed: 1 });
  const before = vae.measure(bars);
  const told = (/** @type {number} */ steps, /** @type {number} */ beta) => {
    for (let k = 0; k < steps; k++) vae.learn(bars, beta, 16);
    return vae.measure(bars);
  };
  const learned = told(400, 0.3);
  const floor = 16 * -(0.95 * Math.log(0.95) + 0.05 * Math.log(0.05));
  assert.ok(learned.distortion < 0.6 * before.distortion);
  assert.ok(learned.distortion < floor + 1, `${learned.distortion} is far above ${floor}`);
  assert.ok(learned.rate > Math.log(4) - 0.3, "four places take log 4 nats");
  assert.ok(told(300, 100).rate < 0.05);
  assert.ok(told(600, 0.3).rate > 1);
});

test("equal seeds learn equally", () => {
  const [one, again] = [0, 0].map(() => {
    const vae = new TinyVae({ pixels: 16, seed: 5 });
    for (let k = 0; k < 5; k++) vae.learn(bars, 1, 4);
    return vae.weights;
  });
  assert.deepEqual(one, again);
});

test("the area under the integrand is the closed form", () => {
  for (const [mean, std] of [
    [0, 1],
    [1.3, 0.4],
    [-2.5, 0.05],
    [0.2, 2.5],
    [3, 1],
  ]) {
    const { area, above, below } = areaOf(mean, std);
    const { place, width, whole } = parts(mean, std);
    assert.ok(Math.abs(area - whole) < 1e-6, `${area}, not ${whole} at ${mean}, ${std}`);
    assert.ok(Math.abs(place + width - whole) < 1e-12);
    assert.ok(above >= 0 && below <= 0 && area >= -1e-9);
  }
  assert.ok(integrand(0, 1, 1) < 0); // where the prior is likelier
});

test("a summary has the mean, its error and the spread", () => {
  const { mean, spread, error } = summary([1, 2, 3, 6]);
  assert.equal(mean, 3);
  assert.ok(Math.abs(spread - Math.sqrt(14 / 3)) < 1e-12);
  assert.ok(Math.abs(error - spread / 2) < 1e-12);
});
