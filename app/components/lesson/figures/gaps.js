// Two maps side by side, of a plain autoencoder and of a VAE: a point of each is decoded under the hand.

import { count, make } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { openPicture } from "../../shared/picture.js";
import { row, table, whole } from "../arrays.js";
import { nearestRow } from "../draws.js";
import { Plane } from "../plane.js";

/** @import { Codes, Figure, Tools } from "../types.js" */
/**
 * With `together`, the cross of one map follows that of the other: the same share of what each map shows.
 *
 * @typedef {{ ae: Codes, vae: Codes, together?: boolean }} GapsData
 */

const TITLES = { ae: "Plain autoencoder: points", vae: "VAE: clouds" };
const ENOUGH = 12; // moves after which a person has looked around
const STEP = 0.1;

/** @implements {Figure} */
class Gaps {
  alive = true;
  moves = 0;
  /** @type {Plane[]} */
  planes = [];
  /** @type {import("../../shared/picture.js").Picture[]} */
  pictures = [];
  /** @type {Map<string, (share: number[]) => void>} takes a map's cross to a share of what it shows */
  places = new Map();

  /** @param {HTMLElement} room @param {Tools<GapsData>} tools */
  constructor(room, tools) {
    this.room = room;
    this.tools = tools;
  }

  async open() {
    await Promise.all(/** @type {("ae" | "vae")[]} */ (["ae", "vae"]).map((role) => this.side(role)));
    return this;
  }

  /** @param {"ae" | "vae"} role */
  async side(role) {
    const { data, runs, palette } = this.tools;
    const given = data[role];
    const { run, header } = runs[role];
    const box = make("div", { className: "side" });
    const screen = make("canvas", {
      role: "img",
      "aria-label": `${TITLES[role]}: what the point decodes to`,
    });
    const said = make("p", { className: "numbers" });
    this.room.append(box);
    const [mean, std, labels, picture] = await Promise.all([
      table(given.mean),
      table(given.std),
      whole(given.labels),
      openPicture({ run, header, canvas: screen, say: (text) => this.tools.say(text) }),
    ]);
    if (!this.alive) return picture.close();
    this.pictures.push(picture);
    const [a, b] = given.dims;
    const two = (/** @type {ArrayLike<number>} */ code) => [code[a], code[b]];
    const xy = Array.from({ length: mean.rows }, (_, i) => two(row(mean, i)));
    let point = [0, 0];
    box.append(make("h3", {}, TITLES[role]));
    const plane = new Plane(box, {
      label: `${TITLES[role]}; move over it, or use the arrow keys`,
      palette,
      names: [`z${a}`, `z${b}`],
      draw: () => {
        const clouds = role === "vae" ? xy.entries() : [];
        for (const [i, at] of clouds) {
          const radii = two(row(std, i)).map((s) => 2 * s);
          plane.ellipse(at, radii, { width: 0, fill: 0.1, colour: palette.categorical[0] });
        }
        plane.dots(xy, labels);
        plane.cross(point, 6);
      },
    });
    this.planes.push(plane);
    box.append(make("div", { className: "under" }, screen, said));
    plane.fit(xy);
    enlarge(this.room, header);
    const go = (/** @type {number[]} */ to) => {
      point = to;
      const code = new Float32Array(header.latent_dim);
      code[a] = to[0];
      code[b] = to[1];
      picture.draw(code);
      plane.redraw();
      const near = nearestRow(mean, code);
      const far = Math.hypot(to[0] - xy[near][0], to[1] - xy[near][1]);
      said.textContent = `nearest code ${far.toFixed(2)} away`;
      count(this.room, "frame");
    };
    this.places.set(role, ([x, y]) => {
      const [left, right, low, high] = plane.range;
      go([left + x * (right - left), low + y * (high - low)]);
    });
    const moved = (/** @type {number[]} */ to) => {
      go(to);
      const [left, right, low, high] = plane.range;
      const share = [(to[0] - left) / (right - left), (to[1] - low) / (high - low)];
      if (data.together) this.places.get(role === "ae" ? "vae" : "ae")?.(share);
      this.moves += 1;
      if (this.moves === ENOUGH) this.tools.did();
    };
    plane.canvas.onpointermove = (event) => moved(plane.from(event));
    plane.canvas.onpointerdown = (event) => moved(plane.from(event));
    plane.canvas.tabIndex = 0;
    plane.canvas.onkeydown = (event) => {
      const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[
        event.key
      ];
      if (!by) return;
      event.preventDefault();
      moved([point[0] + by[0], point[1] + by[1]]);
    };
    go([(plane.range[0] + plane.range[1]) / 2, (plane.range[2] + plane.range[3]) / 2]);
  }

  unlock() {}

  stop() {
    this.alive = false;
    for (const one of this.planes) one.stop();
    for (const one of this.pictures) one.close();
  }
}

/** @param {HTMLElement} room @param {Tools<GapsData>} tools */
const open = (room, tools) => new Gaps(room, tools).open();

export { open as make };
