// A code as a node that is sampled, and as a sum into which ε comes from the side: values go forward,
// gradients back.

import { count, make, makeSvg } from "../../shared/dom.js";
import { fixed, numberText } from "../../shared/numbers.js";
import { table } from "../arrays.js";
import { Hands } from "../hands.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/**
 * A draw an entry: `eps`, the distortion `f` and its slope by z.
 *
 * @typedef {{ dim: number, mean: number, log_var: number, eps: Published, slope: Published, f: Published,
 *   unit: string }} PathsData
 */

const SIZE = { width: 760, height: 200 };
/** @type {Record<string, [number, number]>} where nodes lie */
const NODES = {
  x: [40, 100],
  encoder: [140, 100],
  μ: [270, 45],
  "log σ²": [270, 155],
  z: [420, 100],
  decoder: [550, 100],
  distortion: [690, 100],
  ε: [420, 178],
};
const EDGES = [
  ["x", "encoder"],
  ["encoder", "μ"],
  ["encoder", "log σ²"],
  ["μ", "z"],
  ["log σ²", "z"],
  ["ε", "z"],
  ["z", "decoder"],
  ["decoder", "distortion"],
];
const WAYS = { sampled: "z is sampled", outside: "z = μ + σ·ε" };
const HALF = { encoder: 44, decoder: 44, distortion: 52, "log σ²": 34, x: 22, z: 22, ε: 18, μ: 22 };

/** @typedef {keyof typeof WAYS} Way */

/** @param {HTMLElement} room @param {Tools<PathsData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, palette } = tools;
  const [eps, slope, f] = await Promise.all(
    [data.eps, data.slope, data.f].map(
      async (one) => (await table({ ...one, shape: [one.shape[0], 1] })).values,
    ),
  );
  let draw = 0;
  /** @type {"" | "values" | "gradients"} */
  let going = "";
  room.style.setProperty("--value", palette.categorical[0]);
  room.style.setProperty("--gradient", palette.mark);
  const graphs = /** @type {Way[]} */ (["sampled", "outside"]).map((way) => graph(way));
  const numbers = make("p", { className: "numbers" });
  room.append(...graphs.map(({ box }) => box), numbers);
  const hands = new Hands(room);
  hands.button("Values forward", () => go("values"));
  hands.button("Gradients back", () => {
    go("gradients");
    tools.did();
  });
  hands.button("Another ε", () => {
    draw = (draw + 1) % eps.length;
    go(going || "values");
  });

  /** @param {"" | "values" | "gradients"} to */
  function go(to) {
    going = to;
    for (const { svg, write } of graphs) {
      svg.classList.remove("values", "gradients");
      svg.getBoundingClientRect(); // begins the flow anew
      if (to) svg.classList.add(to);
      write();
    }
    const std = Math.exp(data.log_var / 2);
    const unit = data.unit && ` ${data.unit}`;
    numbers.textContent =
      `In z${data.dim}: μ ${fixed(data.mean, 3)}, σ ${fixed(std, 3)}, ε ${fixed(eps[draw])}, ` +
      `distortion ${numberText(f[draw], 4)}${unit}. ∂ is the distortion’s gradient by the node.`;
    count(room, "frame");
  }

  /** @param {Way} way */
  function graph(way) {
    const sampled = way === "sampled";
    const svg = makeSvg("svg", {
      viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
      role: "img",
      "aria-label": sampled
        ? "the graph with a sampled node, at which gradients stop"
        : "the graph with ε from the side, through which gradients go back to the encoder",
    });
    const names = Object.keys(NODES).filter((name) => !(sampled && name === "ε"));
    const stop = (/** @type {string} */ from) => sampled && ["μ", "log σ²", "encoder"].includes(from);
    EDGES.forEach(([from, to], k) => {
      if (!names.includes(from)) return;
      const line = between(from, to);
      svg.append(makeSvg("line", { ...line, class: "edge" }));
      svg.append(makeSvg("line", { ...line, class: "flow value", style: `--k: ${k}`, pathLength: 1 }));
      const learns = from !== "x" && from !== "ε";
      if (learns && !stop(from))
        svg.append(
          makeSvg("line", {
            ...{ x1: line.x2, y1: line.y2, x2: line.x1, y2: line.y1 },
            ...{ class: "flow gradient", style: `--k: ${EDGES.length - 1 - k}`, pathLength: 1 },
          }),
        );
    });
    /** @type {Record<string, SVGTextElement>} */
    const told = {};
    for (const name of names) {
      const [x, y] = NODES[name];
      const half = HALF[/** @type {keyof typeof HALF} */ (name)];
      const dice = name === "ε" || (sampled && name === "z");
      svg.append(
        makeSvg("rect", {
          ...{ x: x - half, y: y - 17, width: 2 * half, height: 34, rx: dice ? 17 : 5 },
          class: dice ? "node dice" : "node",
        }),
        makeSvg("text", { x, y: y + 5, class: "name" }, name),
      );
      const above = name !== "log σ²" && name !== "ε";
      const at =
        name === "ε"
          ? { x: x + 26, y: y + 5, class: "told left" }
          : { x, y: above ? y - 24 : y + 34, class: "told" };
      told[name] = makeSvg("text", at);
      svg.append(told[name]);
    }
    if (sampled) {
      const [x, y] = NODES.z;
      svg.append(
        makeSvg("path", { d: `M${x - 44} ${y - 16} l16 32 m0 -32 l-16 32`, class: "block" }),
        makeSvg("text", { x, y: y + 60, class: "told" }, "dice inside: no way back"),
      );
    }
    const write = () => {
      const std = Math.exp(data.log_var / 2);
      const g = slope[draw];
      /** @type {Record<string, string>} */
      const values = {
        μ: fixed(data.mean, 2),
        "log σ²": fixed(data.log_var, 2),
        z: fixed(data.mean + std * eps[draw], 2),
        ε: fixed(eps[draw], 2),
        distortion: numberText(f[draw], 3),
      };
      /** @type {Record<string, string>} */
      const back = {
        z: `∂ ${numberText(g, 3)}`,
        μ: sampled ? "∂ none" : `∂ ${numberText(g, 3)}`,
        "log σ²": sampled ? "∂ none" : `∂ ${numberText(0.5 * g * eps[draw] * std, 3)}`,
        encoder: sampled ? "learns nothing" : "learns",
        decoder: "learns",
      };
      for (const name of names)
        told[name].textContent =
          (going === "gradients" ? back : going === "values" ? values : {})[name] ?? "";
    };
    const box = make("div", { className: "way" }, make("h3", {}, WAYS[way]));
    box.append(svg);
    return { box, svg, write };
  }

  go("");
  return { unlock() {}, stop() {} };
}

/** The line from the rim of one node to that of another. @param {string} from @param {string} to */
function between(from, to) {
  const [[x1, y1], [x2, y2]] = [NODES[from], NODES[to]];
  const rim = (/** @type {string} */ name) => HALF[/** @type {keyof typeof HALF} */ (name)];
  if (x1 === x2) return { x1, y1: y1 - 17, x2, y2: y2 + 17 };
  return { x1: x1 + rim(from), y1, x2: x2 - rim(to), y2 };
}

export { open as make };
