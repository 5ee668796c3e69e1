// A plane of codes, coloured by the class that a classifier sees there, and a path across it.

import { count, make } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { openPicture } from "../../shared/picture.js";
import { row, table, whole } from "../arrays.js";
import { Plane } from "../plane.js";
import { slider } from "../sliders.js";

/** @import { Figure, Published, Tools } from "../types.js" */

/**
 * classes, sure and far: of side × side cells from the lower left; xy and labels: of the images' codes.
 *
 * @typedef {{ role: string, dims: [number, number], span: [number, number, number, number], side: number,
 *   names: string[], classes: Published, sure: Published, far: Published, xy: Published, labels: Published,
 *   ends: number[][], shade: boolean }} ProbeData
 */

const STOPS = 40; // steps of the path, as vae_core.lessons.probe_plane takes them
const KEYS = "or move it by the arrow keys; Enter takes the other end";
const NEAR = 18; // pixels within which an end is taken

/** @param {HTMLElement} room @param {Tools<ProbeData>} tools @returns {Promise<Figure>} */
async function start(room, { data, runs, palette, say, did }) {
  const { run, header } = runs[data.role];
  const canvas = make("canvas", { role: "img", "aria-label": "what the place on the path decodes to" });
  const [classes, sure, far, xy, labels, picture] = await Promise.all([
    whole(data.classes),
    table(data.sure),
    whole(data.far),
    table(data.xy),
    whole(data.labels),
    openPicture({ run, header, canvas, say }),
  ]);
  const [a, b] = data.dims;
  const [left, right, low, high] = data.span;
  const { side, names } = data;
  const ends = data.ends.map((end) => [...end]);
  let [t, held, keyed] = [0, -1, 1];
  let open = false; // what a guess is about is not shown before it
  const points = Array.from({ length: xy.rows }, (_, i) => row(xy, i));
  const colour = (/** @type {number} */ c) => palette.categorical[c % palette.categorical.length];
  const cell = (/** @type {number[]} */ [x, y]) => {
    const clip = (/** @type {number} */ v) => Math.min(side - 1, Math.max(0, Math.floor(v * side)));
    return clip((y - low) / (high - low)) * side + clip((x - left) / (right - left));
  };
  const at = (/** @type {number} */ share) =>
    [0, 1].map((k) => (1 - share) * ends[0][k] + share * ends[1][k]);
  const map = make("div", { className: "map" });
  const plane = new Plane(map, {
    label: `classes on the plane of z${a} and z${b}; drag an end of the path, ${KEYS}`,
    palette,
    names: [`z${a}`, `z${b}`],
    draw: () => paint(),
  });
  plane.range = [left, right, low, high];
  const paint = () => {
    const { pen, scale } = plane;
    const size = (scale * (right - left)) / side;
    for (let i = 0; open && i < side * side; i++) {
      const [x, y] = plane.at([
        left + ((i % side) / side) * (right - left),
        low + ((Math.floor(i / side) + 1) / side) * (high - low),
      ]);
      pen.fillStyle = colour(classes[i]);
      pen.globalAlpha = data.shade ? 0.15 + 0.6 * sure.values[i] : 0.6;
      pen.fillRect(x, y, size + 0.5, size + 0.5);
      if (!data.shade || !far[i]) continue;
      pen.globalAlpha = 0.9;
      pen.strokeStyle = plane.ink();
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, y + size);
      pen.lineTo(x + size, y);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    plane.dots(points, labels, { size: 2, alpha: 0.9 });
    pen.strokeStyle = plane.ink();
    pen.lineWidth = 3;
    pen.beginPath();
    pen.moveTo(...plane.at(ends[0]));
    pen.lineTo(...plane.at(ends[1]));
    pen.stroke();
    for (const end of ends) plane.ellipse(end, [7 / scale, 7 / scale], { colour: plane.ink(), fill: 0.9 });
    plane.cross(at(t), 7);
  };
  const seen = make("p", { className: "seen" });
  const along = make("p", { className: "numbers" });
  const hand = slider(
    "along",
    { most: STOPS, value: 0, text: (value) => (value / STOPS).toFixed(2) },
    (value) => {
      t = value / STOPS;
      show();
      did();
    },
  );
  const show = () => {
    const here = at(t);
    const code = new Float32Array(header.latent_dim);
    code[b] = here[1];
    code[a] = here[0];
    picture.draw(code);
    const i = cell(here);
    const unknown = data.shade && far[i] ? "; no image lies near" : "";
    seen.textContent = `seen as ${names[classes[i]]}, probability ${sure.values[i].toFixed(2)}${unknown}`;
    const way = Array.from({ length: STOPS + 1 }, (_, k) => classes[cell(at(k / STOPS))]);
    const passed = way.filter((c, k) => k === 0 || c !== way[k - 1]);
    const times = passed.length === 2 ? "1 change" : `${passed.length - 1} changes`;
    along.textContent = `${times} along the path: ${passed.map((c) => names[c]).join(" → ")}`;
    plane.redraw();
    count(room, "frame");
  };
  const put = (/** @type {number} */ end, /** @type {number[]} */ [x, y]) => {
    ends[end] = [Math.min(right, Math.max(left, x)), a === b ? 0 : Math.min(high, Math.max(low, y))];
    show();
  };
  plane.canvas.onpointerdown = (event) => {
    const far = ends.map((end) => {
      const [x, y] = plane.at(end);
      const box = plane.canvas.getBoundingClientRect();
      return Math.hypot(event.clientX - box.left - x, event.clientY - box.top - y);
    });
    const near = far[0] <= far[1] ? 0 : 1;
    if (far[near] > NEAR) return;
    held = near;
    plane.canvas.setPointerCapture(event.pointerId);
  };
  plane.canvas.onpointermove = (event) => {
    if (held < 0) return;
    put(held, plane.from(event));
  };
  plane.canvas.onpointerup = plane.canvas.onpointercancel = () => {
    held = -1;
  };
  plane.canvas.tabIndex = 0;
  plane.canvas.onkeydown = (event) => {
    if (event.key === "Enter") keyed = 1 - keyed;
    const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[
      event.key
    ];
    if (!by) return;
    event.preventDefault();
    put(keyed, [ends[keyed][0] + by[0], ends[keyed][1] + by[1]]);
  };
  const legend = make(
    "p",
    { className: "legend" },
    ...names.map((name, c) => {
      const patch = make("i", {});
      patch.style.background = colour(c);
      return make("span", {}, patch, name);
    }),
  );
  const used = [...new Set(classes)];
  legend.childNodes.forEach((one, c) => {
    if (one instanceof HTMLElement) one.hidden = !used.includes(c);
  });
  map.append(legend);
  room.append(
    map,
    make("div", { className: "made" }, canvas, seen, make("div", { className: "hands" }, hand.box), along),
  );
  enlarge(room, header);
  along.hidden = seen.hidden = legend.hidden = true;
  show();
  return {
    unlock() {
      open = true;
      along.hidden = seen.hidden = legend.hidden = false;
      plane.redraw();
    },
    stop() {
      plane.stop();
      picture.close();
    },
  };
}

export { start as make };
