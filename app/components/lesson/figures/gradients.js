// Two estimates of one gradient, draw by draw.

import { count, make } from "../../shared/dom.js";
import { numberText } from "../../shared/numbers.js";
import { table } from "../arrays.js";
import { Chart } from "../chart.js";
import { summary } from "../draws.js";
import { Hands } from "../hands.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/** @typedef {"pathwise" | "score" | "baseline"} Row */
/**
 * A number a draw. `all`: every draw is shown, and none is drawn again.
 *
 * @typedef {Record<Row, Published> & { dim: number, unit: string, rows: Row[], all?: boolean }} GradientsData
 */

const NAMES = { pathwise: "pathwise", score: "score function", baseline: "score function with baseline" };
const DRAWN = 20;

/** @param {HTMLElement} room @param {Tools<GradientsData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, palette } = tools;
  const draws = await Promise.all(data.rows.map(async (name) => (await table(data[name])).values));
  const total = draws[0].length;
  const every = Array.from({ length: total }, (_, i) => i);
  let shown = data.all ? every : some();
  let close = false;
  const truth = summary(draws[0]).mean;
  const colours = [palette.categorical[0], palette.categorical[1], palette.categorical[2]];
  const chart = new Chart(room, {
    label: "single draws of each gradient estimate, a row each, with their mean",
    palette,
    names: [`gradient by μ of z${data.dim}, ${data.unit}`, ""],
    x: [0, 1],
    y: [-0.5, draws.length - 0.3],
    rows: true,
    draw,
  });
  const box = make("div", { className: "tables" });
  room.append(box);
  for (const one of [chart.canvas, box]) one.classList.add("guessed");
  const hands = new Hands(room);
  if (!data.all) {
    hands.button("Draw 20 again", () => {
      shown = some();
      go();
      tools.did();
    });
    hands.button(`All ${total} draws`, () => {
      shown = every;
      go();
    });
  }
  hands.toggle("Zoom in", close, (on) => {
    close = on;
    scale();
    chart.redraw();
  });

  function some() {
    const left = Array.from({ length: total }, (_, i) => i);
    return Array.from({ length: Math.min(DRAWN, total) }, () =>
      left.splice(Math.floor(Math.random() * left.length), 1),
    ).flat();
  }

  /** @param {number} k */
  const of = (k) => shown.map((i) => draws[k][i]);

  function scale() {
    const seen = close ? [draws[0], ...draws.slice(2)] : draws;
    const far = Math.max(...seen.map((one) => Math.max(...one.map((v) => Math.abs(v - truth)))), 1e-9) * 1.05;
    chart.x = [truth - far, truth + far];
  }

  function draw() {
    const foot = -0.5;
    chart.line(
      [
        [truth, foot],
        [truth, draws.length],
      ],
      { alpha: 0.5, width: 1, dash: [4, 4] },
    );
    data.rows.forEach((name, k) => {
      const height = draws.length - 1 - k;
      const found = of(k);
      shown.forEach((i, at) => {
        const jitter = (((i * 0.618034) % 1) - 0.5) * 0.4;
        chart.dot([found[at], height + jitter], { colour: colours[k], size: 3.2, alpha: 0.55 });
      });
      const { mean, error } = summary(found);
      chart.line(
        [
          [mean - error, height],
          [mean + error, height],
        ],
        { width: 4 },
      );
      chart.line(
        [
          [mean, height - 0.3],
          [mean, height + 0.3],
        ],
        { width: 3 },
      );
      chart.text(NAMES[name], [chart.x[0] + 0.01 * (chart.x[1] - chart.x[0]), height + 0.38]);
    });
  }

  function go() {
    const cells = data.rows.map((name, k) => {
      const { mean, error, spread } = summary(of(k));
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, NAMES[name]),
        make("td", {}, `${numberText(mean)} ± ${numberText(error, 2)}`),
        make("td", {}, numberText(spread)),
      );
    });
    const head = ["gradient", `mean of ${shown.length} draws ± its error`, "spread of one draw"];
    box.replaceChildren(
      make(
        "table",
        {},
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, ...cells),
      ),
    );
    chart.redraw();
    count(room, "frame");
  }

  scale();
  go();
  return {
    unlock() {},
    stop() {
      chart.stop();
    },
  };
}

export { open as make };
