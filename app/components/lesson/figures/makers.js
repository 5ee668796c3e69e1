// Pictures of an autoencoder, a VAE and a GAN of the same random codes, with what was measured of many.

import { openDecoder } from "../../shared/decoder.js";
import { make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { normals } from "../draws.js";
import { newest } from "../newest.js";
import { slider } from "../sliders.js";

/** @import { PictureDecoder } from "../../shared/decoder.js" */
/** @import { Figure, Tools } from "../types.js" */

/**
 * titles and numbers by role; a number is its name and its text.
 *
 * @typedef {{ titles: Record<string, string>, numbers: Record<string, [string, string][]> }} MakersData
 */

const DRAWN = 16;

/** @implements {Figure} */
class Makers {
  heat = 1;
  /**
   * @type {{ decoder: PictureDecoder, cells: HTMLCanvasElement[], noise: Float32Array[], list: HTMLElement,
   *   role: string }[]}
   */
  columns = [];

  /** @param {HTMLElement} room @param {Tools<MakersData>} tools */
  constructor(room, tools) {
    this.room = room;
    this.tools = tools;
    this.loop = newest(room, tools.say, (open) => this.paint(open));
  }

  async open() {
    const { data, runs, did } = this.tools;
    const roles = Object.keys(data.titles);
    const decoders = await Promise.all(roles.map((role) => openDecoder(runs[role].run, runs[role].header)));
    this.columns = roles.map((role, i) => {
      const decoder = decoders[i];
      const cells = Array.from({ length: DRAWN }, (_, k) =>
        make("canvas", {
          role: "img",
          "aria-label": `${data.titles[role]}, draw ${k + 1}`,
          width: decoder.width,
          height: decoder.height,
        }),
      );
      const list = make("dl", {});
      return { role, decoder, cells, list, noise: normals(DRAWN, decoder.latent_dim) };
    });
    const boxes = this.columns.map(({ role, cells, list }) =>
      make(
        "div",
        { className: "maker" },
        make("h3", {}, data.titles[role]),
        make("div", { className: "sheet four" }, ...cells),
        list,
      ),
    );
    const again = make("button", { type: "button", textContent: "Draw again" });
    again.onclick = () => {
      for (const one of this.columns) one.noise = normals(DRAWN, one.decoder.latent_dim);
      this.loop.ask();
      did();
    };
    const hand = slider(
      "temperature",
      { most: 1.5, step: 0.05, value: 1, text: (value) => value.toFixed(2) },
      (value) => {
        this.heat = value;
        this.loop.ask();
      },
    );
    this.room.append(
      make("div", { className: "three" }, ...boxes),
      make("div", { className: "hands line" }, again, hand.box),
    );
    enlarge(this.room, decoders[0]);
    await this.loop.ask();
    return this;
  }

  /** @param {() => boolean} open */
  async paint(open) {
    for (const { decoder, cells, noise } of this.columns) {
      const made = await decoder.images(noise.map((eps) => eps.map((e) => this.heat * e)));
      if (!open()) return;
      for (const [i, cell] of cells.entries()) putImage(cell, made[i]);
    }
  }

  /** The numbers answer the question: they come with the answer. */
  unlock() {
    for (const { role, list } of this.columns)
      list.replaceChildren(
        ...this.tools.data.numbers[role].flatMap(([name, text]) => [
          make("dt", {}, name),
          make("dd", {}, text),
        ]),
      );
  }

  stop() {
    this.loop.stop();
  }
}

/** @param {HTMLElement} room @param {Tools<MakersData>} tools */
const open = (room, tools) => new Makers(room, tools).open();

export { open as make };
