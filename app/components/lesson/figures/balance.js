// One image with its cloud made narrower or wider: what it pays in distortion and in rate.

import { openDecoder } from "../../shared/decoder.js";
import { make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { fixed, numberText } from "../../shared/numbers.js";
import { pictures, table } from "../arrays.js";
import { Chart } from "../chart.js";
import { normals } from "../draws.js";
import { Hands } from "../hands.js";
import { newest } from "../newest.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/**
 * @typedef {{ role: string, name: string, beta: number, unit: string, widths: Published,
 *   distortion: Published, rate: Published, mean: Published, std: Published,
 *   picture: Published }} BalanceData
 */

const DRAWN = 6;
const TICKS = [0.25, 0.5, 1, 2, 4, 8];

/** @param {HTMLElement} room @param {Tools<BalanceData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, runs, palette } = tools;
  const { run, header } = runs[data.role];
  const flat = async (/** @type {Published} */ one) =>
    Array.from((await table({ ...one, shape: [one.shape[0], 1] })).values);
  const [widths, distortion, rate, mean, std, [image], decoder] = await Promise.all([
    flat(data.widths),
    flat(data.distortion),
    flat(data.rate),
    table(data.mean),
    table(data.std),
    pictures(data.picture),
    openDecoder(run, header),
  ]);
  const { beta } = data;
  const at = widths.map(Math.log2);
  const here = { distortion: along(distortion, 0), rate: along(rate, 0) };
  const noise = normals(DRAWN, mean.across);
  let width = 0; // log2 of what σ is multiplied by
  const ends = new Set();
  const loop = newest(room, tools.say, async (open) => {
    const codes = noise.map((eps) =>
      Float32Array.from(eps, (e, d) => mean.values[d] + 2 ** width * std.values[d] * e),
    );
    const made = await decoder.images(codes);
    if (!open()) return;
    for (const [i, cell] of cells.entries()) putImage(cell, made[i]);
  });
  const colours = { distortion: palette.categorical[0], rate: palette.categorical[1] };
  const changes = {
    distortion: distortion.map((v) => v - here.distortion),
    rate: rate.map((v) => beta * (v - here.rate)),
  };
  const sums = changes.distortion.map((v, k) => v + changes.rate[k]);
  const reach = Math.max(...changes.rate.map(Math.abs), 0.5);
  const left = make("div", { className: "map" });
  const right = make("div", { className: "made" });
  room.append(left, right);
  const chart = new Chart(left, {
    label: "change of distortion, of β · rate and of their sum over the width of the cloud",
    palette,
    names: ["σ ×", `change from the learned width${data.unit && `, ${data.unit}`}`],
    x: [at[0], at[at.length - 1]],
    y: [-1.15 * reach, 1.5 * reach],
    ticks: TICKS.map((v) => [Math.log2(v), String(v)]),
    draw,
  });
  const box = make("div", { className: "tables" });
  left.append(box);
  for (const one of [chart.canvas, box]) one.classList.add("guessed");
  const original = make("canvas", { role: "img", "aria-label": `the image: ${data.name}` });
  putImage(original, image);
  const cells = Array.from({ length: DRAWN }, (_, i) =>
    make("canvas", { ...header, role: "img", "aria-label": `draw ${i + 1} of the cloud` }),
  );
  right.append(
    make("div", { className: "heads" }, make("figure", {}, original, make("figcaption", {}, "the image"))),
    make("p", { className: "counted" }, "drawn from its cloud"),
    make("div", { className: "sheet three" }, ...cells),
  );
  enlarge(room, header);
  const hands = new Hands(right);
  hands.slider({
    name: "σ ×",
    range: [at[0], at[at.length - 1]],
    value: 0,
    text: (v) => fixed(2 ** v),
    act: go,
  });
  hands.button("× 0.5", () => put(-1));
  hands.button("× 1", () => put(0));
  hands.button("× 2", () => put(1));

  /** @param {number} to */
  function put(to) {
    const input = hands.box.querySelector("input");
    if (!input) return;
    input.value = String(to);
    input.dispatchEvent(new Event("input"));
  }

  /** Straight between two of the widths. @param {number[]} values @param {number} x log2 of a width */
  function along(values, x) {
    const after = at.findIndex((v) => v > x); // -1 at the right end
    const k = Math.max(0, after < 0 ? at.length - 2 : after - 1);
    const t = (x - at[k]) / (at[k + 1] - at[k]);
    return (1 - t) * values[k] + t * values[k + 1];
  }

  function draw() {
    chart.line(
      [
        [at[0], 0],
        [at[at.length - 1], 0],
      ],
      { width: 1, alpha: 0.5 },
    );
    const over = (/** @type {number[]} */ values) => values.map((v, k) => [at[k], v]);
    chart.line(over(changes.distortion), { colour: colours.distortion, width: 2.5 });
    chart.line(over(changes.rate), { colour: colours.rate, width: 2.5 });
    chart.line(over(sums), { width: 3 });
    chart.line(
      [
        [width, chart.y[0]],
        [width, chart.y[1]],
      ],
      { colour: palette.mark, width: 1.5, dash: [5, 4] },
    );
    for (const [values, colour] of /** @type {[number[], string][]} */ ([
      [changes.distortion, colours.distortion],
      [changes.rate, colours.rate],
      [sums, palette.mark],
    ]))
      chart.dot([width, along(values, width)], { colour, size: 5 });
    const edge = at[0] + 0.04 * (at[at.length - 1] - at[0]);
    ["blue: distortion", "orange: β · rate", "thick: the sum"].forEach((text, k) => {
      chart.text(text, [edge, chart.y[0]], { up: 50 - 18 * k });
    });
  }

  /** @param {number} to */
  function go(to) {
    width = to;
    if (to <= -0.9) ends.add("narrow");
    if (to >= 0.9) ends.add("wide");
    const [d, r] = [along(distortion, to), along(rate, to)];
    const row = [d, r, beta * r, d + beta * r].map((v) => make("td", {}, numberText(v, 4)));
    const head = ["distortion", "rate", `β · rate (β ${numberText(beta)})`, "sum"];
    box.replaceChildren(
      make(
        "table",
        {},
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, make("tr", {}, ...row)),
      ),
    );
    chart.redraw();
    loop.ask();
    if (ends.size === 2) tools.did();
  }

  go(0);
  return {
    unlock() {},
    stop() {
      loop.stop();
      chart.stop();
    },
  };
}

export { open as make };
