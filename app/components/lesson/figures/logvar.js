// What the encoder says, taken as log σ² and as σ itself.

import { count, make } from "../../shared/dom.js";
import { fixed, numberText } from "../../shared/numbers.js";
import { table } from "../arrays.js";
import { Chart, evenly } from "../chart.js";
import { Hands } from "../hands.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/** @typedef {{ dim: number, outputs: Published, own: number, name: string }} LogvarData */

const BARS = 60;
const HIGH = 3; // of σ, as drawn
const FAR = 4; // outputs moved past, after which both sides were seen

/** @param {HTMLElement} room @param {Tools<LogvarData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, palette } = tools;
  const { values } = await table({ ...data.outputs, shape: [data.outputs.shape[0], 1] });
  let [low, high] = [-6, 2];
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  const range = /** @type {[number, number]} */ ([Math.floor(low), Math.ceil(high)]);
  const counts = new Float32Array(BARS);
  for (const v of values)
    counts[Math.min(BARS - 1, Math.floor(((v - range[0]) / (range[1] - range[0])) * BARS))] += 1;
  const most = Math.max(...counts);
  let said = 0;
  let [least, best] = [0, 0];
  const chart = new Chart(room, {
    label:
      "σ over the encoder's output, taken as log σ² and as σ itself; below it how often each output is said",
    palette,
    names: ["output of the encoder", "σ"],
    x: range,
    y: [-1, HIGH],
    draw,
  });
  const box = make("div", { className: "tables" });
  room.append(box);
  for (const one of [chart.canvas, box]) one.classList.add("guessed");
  const hands = new Hands(room);
  hands.slider({ name: "output", range, value: 0, act: go });

  function draw() {
    const [blue, orange] = [palette.categorical[0], palette.mark];
    for (let k = 0; k < BARS; k++) {
      const [from, to] = [k, k + 1].map((i) => range[0] + ((range[1] - range[0]) * i) / BARS);
      const height = counts[k] / most;
      const [x, y] = chart.at([from, -1 + 0.9 * height]);
      chart.pen.fillStyle = palette.none;
      chart.pen.globalAlpha = 0.6;
      chart.pen.fillRect(x, y, chart.at([to, 0])[0] - x - 1, chart.at([0, -1])[1] - y);
      chart.pen.globalAlpha = 1;
    }
    chart.line(
      [
        [range[0], 0],
        [range[1], 0],
      ],
      { width: 1, alpha: 0.6 },
    );
    const xs = evenly(range[0], range[1], 160);
    chart.line(
      xs.map((x) => [x, Math.exp(x / 2)]),
      { colour: blue, width: 2.5 },
    );
    chart.line(
      [
        [0, 0],
        [HIGH, HIGH],
      ],
      { colour: orange, width: 2.5 },
    );
    chart.line(
      [
        [range[0], 0],
        [0, 0],
      ],
      { colour: orange, dash: [3, 5] },
    );
    const own = Math.exp(data.own / 2);
    chart.line(
      [
        [data.own, -1],
        [data.own, own],
      ],
      { width: 1.5, dash: [5, 3] },
    );
    chart.dot([data.own, own], { colour: chart.ink(), size: 4 });
    chart.text("this image", [data.own, 0.0], {
      up: 30,
      align: data.own > (range[0] + range[1]) / 2 ? "right" : "left",
    });
    const edge = range[0] + 0.02 * (range[1] - range[0]);
    chart.text("blue: the output is log σ²", [edge, HIGH], { up: -14 });
    chart.text("orange: the output is σ; dashed: no bell", [edge, HIGH], { up: -34 });
    chart.text("grey: outputs of this run", [edge, HIGH], { up: -54 });
    chart.dot([said, Math.exp(said / 2)], { colour: blue, size: 6 });
    if (said > 0) chart.dot([said, said], { size: 6 });
  }

  /** @param {number} to */
  function go(to) {
    said = to;
    [least, best] = [Math.min(least, to), Math.max(best, to)];
    if (least < -FAR / 2 && best > 0.5) tools.did();
    const std = Math.exp(said / 2);
    const rows = [
      ["log σ²", numberText(std), `½ (σ² − 1) = ${numberText(0.5 * (std ** 2 - 1))}`],
      said > 0
        ? ["σ", numberText(said), `σ − 1/σ = ${numberText(said - 1 / said)}`]
        : ["σ", "none: below 0", "none"],
    ];
    const head = ["output taken as", "σ", "gradient of the rate by the output, nats"];
    box.replaceChildren(
      make("p", { className: "sum" }, `output ${fixed(said)} · this image’s: ${fixed(data.own)}`),
      make(
        "table",
        {},
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((text) => make("td", {}, text))))),
      ),
    );
    chart.redraw();
    count(room, "frame");
  }

  go(0);
  return {
    unlock() {},
    stop() {
      chart.stop();
    },
  };
}

export { open as make };
