// One dimension of a code, drawn in two moves: ε from the bell of spread 1, then z = μ + σ·ε.

import { count, make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { gaussian } from "../../shared/latent.js";
import { fixed } from "../../shared/numbers.js";
import { openPicture } from "../../shared/picture.js";
import { pictures, table } from "../arrays.js";
import { bell, Chart, evenly } from "../chart.js";
import { Hands } from "../hands.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/**
 * @typedef {{ role: string, dim: number, name: string, mean: Published, std: Published,
 *   picture: Published }} EpsilonData
 */

const REACH = 3.2; // of ε
const ENDS = 1.9; // who has been here and there has seen both ends
const MANY = 50;
const [TOP, FOOT] = [1.25, 0]; // where ε's line lies, and z's

/** @param {HTMLElement} room @param {Tools<EpsilonData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, runs, palette } = tools;
  const { run, header } = runs[data.role];
  const screen = make("canvas", { role: "img", "aria-label": "what z decodes to" });
  const original = make("canvas", { role: "img", "aria-label": `the image: ${data.name}` });
  const [means, stds, [image], picture] = await Promise.all([
    table(data.mean),
    table(data.std),
    pictures(data.picture),
    openPicture({ run, header, canvas: screen, say: (text) => tools.say(text) }),
  ]);
  putImage(original, image);
  enlarge(room, header);
  const [mean, std] = [means.values[data.dim], stds.values[data.dim]];
  let eps = 0;
  /** @type {number[]} */
  let drawn = [];
  const ends = new Set();
  const wide = Math.max(3, Math.abs(mean) + 3.2 * std);
  const left = make("div", { className: "map" });
  const right = make("div", { className: "made" });
  room.append(left, right);
  const chart = new Chart(left, {
    label: `above the bell of ε, below that of z${data.dim}, and the line from one to the other`,
    palette,
    names: ["above ε, below z", ""],
    x: [-wide, wide],
    y: [-0.12, 2.4],
    rows: true,
    draw,
  });
  const numbers = make("p", { className: "numbers" });
  const sum = make("p", { className: "sum" });
  left.append(sum, numbers);
  right.append(
    make(
      "div",
      { className: "heads" },
      make("figure", {}, original, make("figcaption", {}, "the image")),
      make("figure", {}, screen, make("figcaption", {}, "z decoded")),
    ),
  );
  const hands = new Hands(right);
  hands.button("Draw one ε", () => {
    drawn = [];
    put(gaussian(Math.random));
    go(eps);
  });
  hands.button("Draw fifty", () => {
    drawn = Array.from({ length: MANY }, () => gaussian(Math.random));
    put(drawn[MANY - 1]);
    go(eps);
    tools.did();
  });
  const slide = hands.slider({ name: "ε", range: [-3, 3], value: 0, act: go });

  /** @param {number} to */
  function put(to) {
    eps = to;
    slide(Math.max(-3, Math.min(3, to)));
  }

  /** @param {number} to */
  function go(to) {
    eps = to;
    if (Math.abs(to) > ENDS && !drawn.length) ends.add(Math.sign(to));
    if (ends.size === 2) tools.did();
    const z = mean + std * eps;
    const code = Float32Array.from(means.values);
    code[data.dim] = z;
    picture.draw(code);
    sum.textContent = `z = ${fixed(mean, 3)} + ${fixed(std, 3)} · ${fixed(eps)} = ${fixed(z, 3)}`;
    chart.redraw();
    count(room, "frame");
  }

  function draw() {
    const [value, gradient] = [palette.categorical[0], palette.mark];
    const tall = Math.min(1, 0.45 / bell(0)); // both bells are drawn equally high
    const upper = evenly(-REACH, REACH, 120).map((x) => [x, TOP + tall * bell(x)]);
    const lower = evenly(-REACH, REACH, 120).map((e) => [mean + std * e, FOOT + tall * bell(e)]);
    for (const foot of [TOP, FOOT])
      chart.line(
        [
          [-wide, foot],
          [wide, foot],
        ],
        { width: 1, alpha: 0.5 },
      );
    chart.line(upper, { alpha: 0.8 });
    chart.line(lower, { colour: value });
    for (const e of drawn) {
      chart.line(
        [
          [e, TOP],
          [mean + std * e, FOOT],
        ],
        { colour: value, width: 1, alpha: 0.25 },
      );
      chart.dot([mean + std * e, FOOT], { colour: value, size: 3, alpha: 0.5 });
    }
    const z = mean + std * eps;
    chart.line(
      [
        [eps, TOP],
        [z, FOOT],
      ],
      { colour: gradient },
    );
    chart.dot([eps, TOP], { size: 6 });
    chart.dot([z, FOOT], { size: 6 });
    chart.text("ε from N(0, 1)", [-wide * 0.97, TOP + 0.3]);
    chart.text(`z${data.dim} = μ + σ·ε`, [-wide * 0.97, FOOT + 0.5], { colour: chart.ink() });
  }

  numbers.textContent =
    `μ ${fixed(mean, 3)}, σ ${fixed(std, 3)} in z${data.dim}; ` + "both bells are drawn equally high.";
  go(0);
  return {
    unlock() {},
    stop() {
      chart.stop();
      picture.close();
    },
  };
}

export { open as make };
