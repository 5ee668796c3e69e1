// A tiny VAE learns in the page while β is moved; its point walks through the plane of rate and distortion.

import { count, make, putImage } from "../../shared/dom.js";
import { numberText } from "../../shared/numbers.js";
import { toImage } from "../../shared/pixels.js";
import { fetchArray } from "../../shared/requests.js";
import { Chart } from "../chart.js";
import { Hands } from "../hands.js";
import { Plane } from "../plane.js";
import { COURSES, outcome } from "../tiny_courses.js";
import { TinyVae } from "../tiny_vae.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/** @import { Costs } from "../tiny_vae.js" */
/** @typedef {{ images: Published, side: number, mode: "walk" | "collapse" }} TinyData */

const SLICE = 5; // milliseconds of learning a frame
const SHOWN = 8; // pictures
const MEASURED = 96; // images, of which the point is measured while it moves
const EVERY = 4; // steps between two places of the trail
const KEPT = 1500; // places of the trail

/** @param {HTMLElement} room @param {Tools<TinyData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, palette } = tools;
  const course = COURSES[data.mode];
  const [n, pixels] = data.images.shape;
  const bytes = await fetchArray(data.images.url, Uint8Array);
  const images = Array.from({ length: n }, (_, i) =>
    Float64Array.from(bytes.subarray(i * pixels, (i + 1) * pixels), (v) => v / 255),
  );
  const some = images.slice(0, MEASURED);
  let vae = fresh();
  let beta = course[0].beta;
  /** @type {{ at: [number, number], part: number }[]} */
  let trail = [];
  let part = 0; // counts changes of β, by which the trail is coloured
  /** @type {{ beta: number, steps: number }[]} what is left of the course */
  let left = [];
  /** @type {Costs[]} where each leg of it ended */
  let ended = [];
  let [going, frame, alive, steps] = [false, 0, true, 0];
  let codeless = 0; // nats of the mean picture
  let told = false; // whether the course that is run answers the question

  const map = make("div", { className: "map" });
  const side = make("div", { className: "made" });
  room.append(map, side);
  const chart = new Chart(map, {
    label: "the network's point in the plane of rate and distortion, with its trail",
    palette,
    names: ["rate, nats per image", "distortion, nats per image"],
    x: [-0.1, 3],
    y: [0, 1],
    draw: drawTrail,
  });
  const numbers = make("p", { className: "sum" });
  map.append(numbers);
  const rows = ["image", "drawn again"].map((name) => {
    const cells = Array.from({ length: Math.min(SHOWN, n) }, (_, i) =>
      make("canvas", { role: "img", "aria-label": `${name} ${i + 1}` }),
    );
    side.append(make("p", { className: "counted" }, name === "image" ? "images" : name));
    side.append(make("div", { className: "sheet eight" }, ...cells));
    return cells;
  });
  /** @type {number[][]} */
  let codes = [];
  /** @type {number[]} */
  let heard = [];
  const plane = new Plane(side, {
    label: "codes of the images, and the prior's spread",
    palette,
    names: ["z0", "z1"],
    draw: () => {
      plane.ellipse([0, 0], [1, 1], { colour: plane.ink(), width: 1 });
      codes.forEach((code, i) => {
        plane.ellipse(code, [heard[2 * i], heard[2 * i + 1]], {
          width: 0,
          fill: 0.1,
          colour: palette.categorical[0],
        });
      });
      plane.dots(codes, []);
    },
  });
  plane.fit([
    [-3, -3],
    [3, 3],
  ]);
  const hands = new Hands(map);
  const deed = hands.button(data.mode === "walk" ? "Train" : "Provoke and cure", run, "deed");
  const on = hands.toggle("Train on", false, (now) => {
    going = now;
    if (now) schedule();
  });
  const warmUp = hands.button("Warm up", () => travel(warm(), false));
  warmUp.title = "Learn on at a small β first, and raise it step by step to 1";
  hands.button("Begin anew", begin);
  const slide = hands.slider({
    name: "β",
    range: [Math.log(0.02), Math.log(200)],
    value: Math.log(beta),
    text: (v) => numberText(Math.exp(v), 2),
    act: (v) => exchange(Math.exp(v)),
  });
  const input = hands.box.querySelector("input");

  function fresh() {
    return new TinyVae({ pixels, seed: 1 });
  }

  function warm() {
    return [0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1].map((b) => ({ beta: b, steps: 100 }));
  }

  function begin() {
    vae = fresh();
    [trail, left, ended, steps, part] = [[], [], [], 0, 0];
    quiet(false);
    show(true);
  }

  /** @param {number} to */
  function exchange(to) {
    if (to !== beta) part += 1;
    beta = to;
  }

  function run() {
    begin();
    travel(course, true);
  }

  /** @param {{ beta: number, steps: number }[]} legs @param {boolean} reports */
  function travel(legs, reports) {
    left = legs.map((leg) => ({ ...leg }));
    ended = [];
    told = reports;
    quiet(true);
    schedule();
  }

  /** Nothing else is moved while a course is run. @param {boolean} now */
  function quiet(now) {
    deed.disabled = warmUp.disabled = now;
    if (input) input.disabled = now;
    going = false;
    on.setAttribute("aria-pressed", "false");
  }

  function schedule() {
    if (!frame && alive) frame = requestAnimationFrame(slice);
  }

  /** Learns for a few milliseconds. */
  function slice() {
    frame = 0;
    if (!alive || (!going && !left.length)) return;
    const begun = performance.now();
    do {
      const leg = left[0];
      if (leg && leg.beta !== beta) {
        exchange(leg.beta);
        slide(Math.log(beta));
      }
      vae.learn(images, beta);
      steps += 1;
      if (steps % EVERY === 0) place();
      if (leg && --leg.steps === 0) {
        ended.push(vae.measure(images));
        left.shift();
        if (!left.length) {
          arrive();
          break;
        }
      }
    } while (performance.now() - begun < SLICE);
    show(false);
    schedule();
  }

  function arrive() {
    quiet(false);
    place();
    if (told) tools.did(outcome(data.mode, ended));
    room.dataset.arrived = String(steps);
  }

  function place() {
    const { rate, distortion } = vae.measure(some);
    trail.push({ at: [rate, distortion], part });
    if (trail.length > KEPT) trail.shift();
  }

  /** @param {boolean} first */
  function show(first) {
    if (first) place();
    const [rate, distortion] = trail[trail.length - 1].at;
    numbers.textContent =
      `step ${steps} · β ${numberText(beta, 2)} · distortion ${distortion.toFixed(2)}, ` +
      `rate ${rate.toFixed(2)} nats`;
    chart.redraw();
    pictures(first);
    count(room, "frame");
  }

  /** @param {boolean} first */
  function pictures(first) {
    const size = { width: data.side, height: data.side, channels: 1 };
    const paint = (/** @type {HTMLCanvasElement} */ cell, /** @type {Float64Array} */ grey) =>
      putImage(
        cell,
        toImage(
          Uint8Array.from(grey, (v) => Math.round(255 * v)),
          size,
        ),
      );
    rows[1].forEach((cell, i) => {
      if (first) paint(rows[0][i], images[i]);
      paint(cell, vae.decode(vae.encode(images[i]).slice(0, 2)));
    });
    heard = [];
    codes = some.map((x) => {
      const said = vae.encode(x);
      heard.push(Math.exp(0.5 * said[2]), Math.exp(0.5 * said[3]));
      return [said[0], said[1]];
    });
    plane.redraw();
  }

  function drawTrail() {
    if (!trail.length) return;
    chart.line(
      [
        [0, chart.y[0]],
        [0, chart.y[1]],
      ],
      { width: 1, alpha: 0.4 },
    );
    chart.line(
      [
        [chart.x[0], codeless],
        [chart.x[1], codeless],
      ],
      { width: 1, alpha: 0.7, dash: [4, 4] },
    );
    chart.text("no code: one mean picture", [chart.x[1], codeless], { align: "right", up: 10 });
    for (let k = 1; k < trail.length; k++) {
      const colour = palette.categorical[trail[k].part % 4];
      chart.line([trail[k - 1].at, trail[k].at], { colour, width: 2 });
    }
    chart.dot(trail[trail.length - 1].at, { size: 7 });
  }

  /** What can be seen lies between each image's own greys and the mean picture, which takes no code. */
  function scale() {
    const mean = Float64Array.from(
      { length: pixels },
      (_, p) => some.reduce((sum, x) => sum + x[p], 0) / some.length,
    );
    const floor = some.reduce((sum, x) => sum + crossEntropy(x, x), 0) / some.length;
    codeless = some.reduce((sum, x) => sum + crossEntropy(x, mean), 0) / some.length;
    const reach = Math.max(codeless - floor, 1);
    chart.y = [floor - 0.05 * reach, codeless + 0.3 * reach];
    chart.x = [-0.15, Math.max(3, Math.log(n))];
  }

  scale();
  begin();
  return {
    unlock() {},
    stop() {
      alive = false;
      cancelAnimationFrame(frame);
      chart.stop();
      plane.stop();
    },
  };
}

/** Nats of a picture when each pixel is a coin. @param {Float64Array} x @param {Float64Array} p */
function crossEntropy(x, p) {
  let sum = 0;
  x.forEach((v, i) => {
    const q = Math.min(1 - 1e-9, Math.max(1e-9, p[i]));
    sum -= v * Math.log(q) + (1 - v) * Math.log(1 - q);
  });
  return sum;
}

export { open as make };
