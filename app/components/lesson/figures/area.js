// The rate of one dimension: two bells, and the area under q log(q/p).

import { count, make } from "../../shared/dom.js";
import { fixed } from "../../shared/numbers.js";
import { areaOf, integrand, parts } from "../bells.js";
import { bell, Chart, evenly } from "../chart.js";
import { Hands } from "../hands.js";

/** @import { Figure, Tools } from "../types.js" */
/** @typedef {{ dim: number, mean: number, std: number, name: string }} AreaData */

const LEAST = 1e-3; // of σ
const NEAR = 0.05; // of μ from 0 and σ from 1, to be there

/** @param {HTMLElement} room @param {Tools<AreaData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, palette } = tools;
  const wide = Math.max(4, Math.abs(data.mean) + 1);
  const least = Math.min(0.05, Math.max(LEAST, data.std / 2));
  let { mean, std } = data;
  const been = new Set();
  const [own, prior, more, less] = [
    palette.categorical[0],
    palette.none,
    palette.categorical[2],
    palette.mark,
  ];
  const chart = new Chart(room, {
    label: `posterior and prior along z${data.dim}, and q log(q/p), whose area is the rate`,
    palette,
    names: [`z${data.dim}`, "density; q log(q/p) in nats per unit of z"],
    x: [-wide, wide],
    y: [-0.3, 1],
    draw,
  });
  const sum = make("p", { className: "sum" });
  const numbers = make("p", { className: "numbers" });
  room.append(sum, numbers);
  const hands = new Hands(room);
  hands.button("μ = 0", () => go(0, std));
  hands.button("σ = 1", () => go(mean, 1));
  hands.button("This image’s", () => go(data.mean, data.std));
  const slideMean = hands.slider({ name: "μ", range: [-wide, wide], value: mean, act: (v) => go(v, std) });
  const slideStd = hands.slider({
    name: "σ",
    range: [Math.log(least), Math.log(3)],
    value: Math.log(std),
    text: (v) => fixed(Math.exp(v), 3),
    act: (v) => go(mean, Math.exp(v)),
  });

  function draw() {
    // as fine as the bell is narrow
    const close = evenly(mean - 6 * std, mean + 6 * std, 240);
    const points = close.map((z) => /** @type {[number, number]} */ ([z, integrand(z, mean, std)]));
    chart.area(
      points.map(([z, y]) => [z, Math.max(0, y)]),
      { colour: more, alpha: 0.45 },
    );
    chart.area(
      points.map(([z, y]) => [z, Math.min(0, y)]),
      { colour: less, alpha: 0.6 },
    );
    chart.line(points, { colour: more, width: 1.5 });
    chart.line(
      evenly(-wide, wide, 200).map((z) => [z, bell(z)]),
      { colour: prior, width: 2.5 },
    );
    chart.line(
      close.map((z) => [z, bell(z, mean, std)]),
      { colour: own, width: 2.5 },
    );
    chart.line(
      [
        [-wide, 0],
        [wide, 0],
      ],
      { width: 1, alpha: 0.5 },
    );
    const [left, top] = [-0.97 * wide, chart.y[1]];
    chart.text("blue: posterior q", [left, top], { up: -14 });
    chart.text("grey: prior p", [left, top], { up: -32 });
    chart.text("green area minus orange area: the rate", [left, top], { up: -50 });
  }

  /** @param {number} to @param {number} width */
  function go(to, width) {
    [mean, std] = [to, width];
    slideMean(mean);
    slideStd(Math.log(std));
    let [low, high] = [0, Math.max(bell(0), bell(0, 0, std))];
    for (const z of evenly(mean - 6 * std, mean + 6 * std, 240)) {
      const y = integrand(z, mean, std);
      [low, high] = [Math.min(low, y), Math.max(high, y)];
    }
    chart.y = [low - 0.06 * (high - low), 1.08 * high];
    const { area, above, below } = areaOf(mean, std);
    sum.textContent = `area ${fixed(above, 3)} − ${fixed(-below, 3)} = ${fixed(area, 3)} nats`;
    numbers.textContent = `Closed form: ½ (μ² + σ² − 1 − log σ²) = ${fixed(parts(mean, std).whole, 3)} nats.`;
    if (Math.abs(mean) < NEAR) been.add("middle");
    if (Math.abs(std - 1) < NEAR) been.add("wide");
    chart.redraw();
    count(room, "frame");
    if (been.size === 2 && Math.abs(mean) < NEAR) tools.did();
  }

  go(mean, std);
  been.clear();
  return {
    unlock() {},
    stop() {
      chart.stop();
    },
  };
}

export { open as make };
