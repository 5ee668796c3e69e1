// An image's posterior on the map, and pictures of codes drawn from it.

import { openDecoder } from "../../shared/decoder.js";
import { make, press, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { fixed } from "../../shared/numbers.js";
import { pictures, row, table, whole } from "../arrays.js";
import { klOf, nearestRow, nearestRows, normals } from "../draws.js";
import { newest } from "../newest.js";
import { Plane } from "../plane.js";
import { slider } from "../sliders.js";
import { thumbnails } from "../thumbs.js";

/** @import { Header, Palette } from "../../shared/types.js" */
/** @import { Codes, Figure, Published, Tools } from "../types.js" */

/**
 * `chosen` are the images to choose from, `start` is one of them; `width` of σ is to be reached.
 *
 * @typedef {Codes & { mode: "draw" | "widen" | "prior", start: number, width?: number, chosen: number[],
 *   names: string[], pictures: Published }} CloudData
 */

const DRAWN = 20;
const SIGMAS = 2; // the ellipse is drawn at so many
const MOST_WIDTH = 10;

/** @implements {Figure} */
class Cloud {
  width = 1;
  clouds = false;
  held = "";
  /** @type {[number, number]} the dimensions shown */
  dims = [0, 1];
  /** @type {ArrayLike<number>[]} of the images' codes */
  xy = [];
  centre = new Float32Array(0);
  spread = new Float32Array(0);
  /** @type {(() => void)[]} what keeps the sliders where the ellipse is */
  follow = [];

  /**
   * @param {HTMLElement} room
   * @param {Tools<CloudData>} tools
   */
  constructor(room, tools) {
    this.room = room;
    this.tools = tools;
    this.mode = tools.data.mode;
    this.loop = newest(room, tools.say, (open) => this.draw(open));
  }

  async open() {
    const { data, runs, palette } = this.tools;
    const role = runs[data.role];
    const [mean, std, labels, images, decoder] = await Promise.all([
      table(data.mean),
      table(data.std),
      whole(data.labels),
      pictures(data.pictures),
      openDecoder(role.run, role.header),
    ]);
    this.mean = mean;
    this.std = std;
    this.labels = labels;
    this.images = images;
    this.decoder = decoder;
    this.dims = data.dims;
    this.noise = normals(DRAWN, mean.across);
    this.xy = Array.from({ length: mean.rows }, (_, i) => this.pair(row(mean, i)));
    this.build(palette, role.header);
    this.choose(data.chosen.indexOf(data.start));
    return this;
  }

  /** @param {Palette} palette @param {Header} header */
  build(palette, header) {
    const { room, dims, mode } = this;
    const names = /** @type {[string, string]} */ (dims.map((d) => `z${d}`));
    const left = make("div", { className: "map" });
    this.plane = new Plane(left, {
      label: `codes of images along ${names.join(" and ")}; drag the ellipse, or use the sliders`,
      palette,
      names,
      draw: () => this.paint(),
    });
    this.plane.fit([...this.xy, [-3, -3], [3, 3]]);
    const { canvas } = this.plane;
    if (mode === "prior") canvas.classList.add("guessed");
    canvas.onpointerdown = (event) => this.take(event);
    canvas.onpointermove = (event) => this.drag(event);
    canvas.onpointerup = canvas.onpointercancel = () => {
      this.held = "";
    };
    this.hands = make("div", { className: "hands" });
    this.thumbs = thumbnails(this.images ?? [], this.tools.data.names, (i) => this.choose(i));
    this.original = make("canvas", { "aria-label": "the image" });
    this.back = make("canvas", { "aria-label": "its mean, decoded" });
    for (const one of [this.original, this.back]) one.setAttribute("role", "img");
    this.sheet = make("div", { className: "sheet guessed" });
    this.cells = Array.from({ length: DRAWN }, (_, i) =>
      make("canvas", {
        role: "img",
        "aria-label": `draw ${i + 1}`,
        width: header.width,
        height: header.height,
      }),
    );
    this.sheet.append(...this.cells);
    this.numbers = make("p", { className: "numbers" });
    this.counted = make("p", { className: "counted guessed" });
    const heads = make(
      "div",
      { className: "heads" },
      figure("image", this.original),
      figure("μ decoded", this.back),
    );
    const right = make("div", { className: "made" }, heads, this.counted, this.sheet, this.hands);
    left.append(this.numbers, this.thumbs.row);
    room.append(left, right);
    enlarge(room, header);
    if (mode === "prior") this.button("Draw twenty from the prior", () => this.redraw(true));
    else this.button("Draw twenty", () => this.redraw(true));
    if (mode === "prior") {
      const button = this.button("Show all clouds", () => {
        this.clouds = !this.clouds;
        press(button, this.clouds);
        this.plane?.redraw();
      });
    } else {
      dims.forEach((d, k) => {
        if (k && d === dims[0]) return;
        this.slider(
          `μ of z${d}`,
          -4,
          4,
          () => this.centre[d],
          (value) => {
            this.centre[d] = value;
          },
        );
      });
      if (mode === "widen")
        this.slider(
          "σ ×",
          0,
          MOST_WIDTH,
          () => this.width,
          (value) => this.widen(value),
        );
    }
  }

  /** @param {string} text @param {() => void} act */
  button(text, act) {
    const button = make("button", { type: "button", textContent: text });
    button.onclick = act;
    this.hands?.append(button);
    return button;
  }

  /**
   * @param {string} name
   * @param {number} low
   * @param {number} high
   * @param {() => number} get
   * @param {(value: number) => void} set
   */
  slider(name, low, high, get, set) {
    const range = { least: low, most: high, step: 0.01, value: low, text: fixed };
    const { box, set: put } = slider(name, range, (value) => {
      set(value);
      this.changed();
    });
    this.follow.push(() => put(get()));
    this.hands?.append(box);
  }

  /** @param {ArrayLike<number>} code @returns {[number, number]} */
  pair(code) {
    const [a, b] = this.dims;
    return [code[a], a === b ? 0 : code[b]];
  }

  /** @param {number} i of the images to choose from */
  choose(i) {
    const { mean, std, images, tools } = this;
    if (!mean || !std || !images) return;
    const k = Math.max(0, i);
    this.image = tools.data.chosen[k];
    this.centre = Float32Array.from(row(mean, this.image));
    this.spread = Float32Array.from(row(std, this.image));
    if (this.original) putImage(this.original, images[k]);
    this.thumbs?.mark(k);
    this.own = new Set(nearestRows(mean, row(mean, this.image), 10));
    this.changed();
  }

  /** @param {number} value */
  widen(value) {
    this.width = value;
    if (value >= (this.tools.data.width ?? 1)) this.tools.did();
  }

  changed() {
    for (const one of this.follow) one();
    this.plane?.redraw();
    this.write();
    this.redraw(false);
  }

  /** @param {boolean} other whether new noise is drawn */
  redraw(other) {
    const { mean, mode } = this;
    if (!mean) return;
    if (other) {
      this.noise = normals(DRAWN, mean.across);
      if (mode !== "widen") this.tools.did();
      this.plane?.redraw();
    }
    this.loop.ask();
  }

  /** @param {() => boolean} open */
  async draw(open) {
    const { decoder, mode, centre } = this;
    if (!decoder) return;
    const codes = this.codes();
    const made = await decoder.images([...codes, mode === "prior" ? codes[0] : centre]);
    if (!open()) return;
    for (const [i, cell] of (this.cells ?? []).entries()) putImage(cell, made[i]);
    if (this.back) putImage(this.back, made[DRAWN]);
  }

  codes() {
    const { noise = [], centre, spread, width, mode } = this;
    if (mode === "prior") return noise;
    return noise.map((eps) => Float32Array.from(eps, (e, d) => centre[d] + width * spread[d] * e));
  }

  write() {
    const { dims, centre, spread, width, mean, labels, mode, image } = this;
    if (!mean || !labels || image === undefined) return;
    const two = dims[0] === dims[1] ? [dims[0]] : dims;
    const say = two.map((d) => `z${d}: μ ${fixed(centre[d])}, σ ${fixed(width * spread[d], 3)}`);
    const kl = two.reduce((sum, d) => sum + klOf(centre[d], Math.max(1e-9, width * spread[d])), 0);
    const price = mode === "widen" && width > 0 ? ` · together ${fixed(kl)} nats` : "";
    if (this.numbers)
      this.numbers.textContent =
        mode === "prior" ? "Circles: one and two spreads of the prior." : say.join(" · ") + price;
    if (mode !== "widen" || !this.counted) return;
    const near = this.codes().map((z) => nearestRow(mean, z));
    const labelled = labels[image] >= 0;
    const well = near.filter((i) => (labelled ? labels[i] === labels[image] : this.own?.has(i))).length;
    const whose = labelled ? "an image of its class" : "one of its ten neighbours";
    this.counted.textContent = `${well} of ${DRAWN} lie nearest to ${whose}`;
  }

  paint() {
    const { plane, xy, labels = [], mode, spread, width, std, mean } = this;
    if (!plane) return;
    plane.dots(xy, labels);
    if (mode === "prior") {
      if (this.clouds && std) {
        xy.forEach((point, i) => {
          plane.ellipse(
            point,
            this.pair(row(std, i)).map((s) => SIGMAS * s),
            { width: 0, fill: 0.12, colour: plane.palette.categorical[0] },
          );
        });
      }
      for (const r of [1, 2]) plane.ellipse([0, 0], [r, r], { colour: plane.ink(), width: 1.5 });
    } else if (mean) {
      const radii = this.pair(spread).map((s) => SIGMAS * width * s);
      plane.ellipse(this.pair(this.centre), radii, { fill: 0.18 });
    }
    for (const z of this.codes()) plane.cross(this.pair(z), 3);
  }

  /** @param {PointerEvent} event */
  take(event) {
    if (this.mode === "prior" || !this.plane) return;
    const point = this.plane.from(event);
    const middle = this.pair(this.centre);
    const away = this.pair(this.spread).map((s, k) => (point[k] - middle[k]) / (SIGMAS * Math.max(s, 1e-6)));
    const rim = Math.hypot(...away) / Math.max(this.width, 1e-6);
    const pixels = Math.hypot(point[0] - middle[0], point[1] - middle[1]) * this.plane.scale;
    // the rim can be taken where it can be told from the middle
    this.held = this.mode === "widen" && rim > 0.75 && rim < 1.35 && pixels > 9 ? "rim" : "middle";
    this.plane.canvas.setPointerCapture(event.pointerId);
    this.drag(event);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    const { plane, spread, dims } = this;
    if (!this.held || !plane) return;
    const point = plane.from(event);
    if (this.held === "middle") {
      this.centre[dims[0]] = point[0];
      if (dims[1] !== dims[0]) this.centre[dims[1]] = point[1];
    } else {
      const middle = this.pair(this.centre);
      const away = this.pair(spread).map((s, k) => (point[k] - middle[k]) / (SIGMAS * Math.max(s, 1e-6)));
      this.widen(Math.min(MOST_WIDTH, Math.hypot(...away)));
    }
    this.changed();
  }

  unlock() {}

  stop() {
    this.loop.stop();
    this.plane?.stop();
  }
}

/** @param {string} name @param {HTMLCanvasElement} canvas */
const figure = (name, canvas) => make("figure", {}, canvas, make("figcaption", {}, name));

/** @param {HTMLElement} room @param {Tools<CloudData>} tools */
const open = (room, tools) => new Cloud(room, tools).open();

export { open as make };
