// An image on its way through encoder, code and decoder.

import { openDecoder } from "../../shared/decoder.js";
import { make, press, putImage } from "../../shared/dom.js";
import { DrawingPad } from "../../shared/drawing_pad.js";
import { enlarge } from "../../shared/enlarging.js";
import { describe } from "../../shared/requests.js";
import { pictures, row, table } from "../arrays.js";
import { codeBars, Network } from "../network.js";
import { newest } from "../newest.js";
import { slider } from "../sliders.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/** @import { Size } from "../network.js" */

/**
 * `average` is the mean image in [0, 1], which the loss is measured by; `fill` what stands for a number left
 * out; `order` the dimensions by use; `stops` how many may be kept; `nearest` the images of the set nearest
 * to what comes back.
 *
 * @typedef {{ role: string, mode: "layers" | "strange" | "cut" | "back", sizes: Size[], names: string[],
 *   pictures: Published, codes: Published, average: Published, order: number[], fill: Published,
 *   draws: boolean, stops?: number[], nearest?: Published }} SqueezeData
 */

const PAD = 196; // pixels of the pad

/** @implements {Figure} */
class Squeeze {
  at = 0; // of the images, -1 for a drawing
  code = new Float32Array(0);
  /** @type {ImageData[]} */
  images = [];

  /** @param {HTMLElement} room @param {Tools<SqueezeData>} tools */
  constructor(room, tools) {
    this.room = room;
    this.tools = tools;
    this.mode = tools.data.mode;
    this.loop = newest(room, tools.say, (open) => this.redraw(open));
    room.classList.toggle("locked", this.mode === "strange"); // what comes back answers the question
  }

  async open() {
    const { data, runs } = this.tools;
    const { run, header } = runs[data.role];
    const [images, codes, average, fill, decoder, near] = await Promise.all([
      pictures(data.pictures),
      table(data.codes),
      table(data.average),
      table(data.fill),
      openDecoder(run, header),
      data.nearest ? pictures(data.nearest) : [],
    ]);
    Object.assign(this, { images, near });
    this.codes = codes;
    this.average = average.values;
    this.fill = fill.values;
    this.decoder = decoder;
    this.header = header;
    this.kept = data.order.length;
    this.build();
    this.choose(0, false);
    return this;
  }

  build() {
    const { room, mode, images, tools } = this;
    const { data, palette } = tools;
    this.sent = framed("sent in");
    this.back = framed("came back");
    this.middle = make("div", { className: "middle" });
    const way = make("div", { className: `through ${mode}` }, this.sent.box, this.middle, this.back.box);
    if (data.nearest) {
      this.like = framed("its nearest image of the set");
      way.append(this.like.box);
    }
    this.bars = make("div", { className: "bars" });
    if (mode === "layers") {
      this.network = new Network(this.middle, data.sizes, palette);
      this.middle.append(this.scaleButton());
    }
    this.middle.append(this.bars);
    this.thumbs = thumbnails(images, data.names, (i) => this.choose(i));
    const below = make("div", { className: "below" });
    if (mode === "cut") below.append(this.slider());
    below.append(this.thumbs.row);
    room.append(way, below);
    if (data.draws && (mode === "layers" || mode === "strange")) below.append(this.drawing());
    enlarge(room, tools.runs[data.role].header);
  }

  scaleButton() {
    const button = make("button", { type: "button", className: "scale" });
    const { network } = this;
    const say = () => {
      press(button, !!network?.scaled, network?.scaled ? "To scale" : "Logarithmic");
      button.title = "The height of each layer: its count, or the logarithm of it";
      network?.draw();
    };
    button.onclick = () => {
      if (network) network.scaled = !network.scaled;
      say();
    };
    say();
    return button;
  }

  slider() {
    const stops = this.tools.data.stops ?? [];
    const last = stops.length - 1;
    const text = (/** @type {number} */ k) => String(stops[k]);
    const { box } = slider("kept", { most: last, value: last, text }, (k) => {
      this.kept = stops[k];
      this.show();
      if (k === 0) this.tools.did();
    });
    return make("div", { className: "hands" }, box);
  }

  drawing() {
    const canvas = make("canvas", {
      className: "pad",
      width: PAD,
      height: PAD,
      "aria-label": "draw here with mouse or finger",
    });
    canvas.setAttribute("role", "img");
    const { run, header } = this.tools.runs[this.tools.data.role];
    this.pad = new DrawingPad({
      canvas,
      seen: make("canvas", {}),
      weights: () => ({ run, stamp: header.stamp }),
      answered: (found, image) => {
        this.at = -1;
        this.drawn = image;
        this.code = Float32Array.from(found.mean);
        this.show();
      },
      rested: () => this.tools.did(),
      refused: (error) => this.tools.say(`The drawing could not be encoded: ${describe(error).message}.`),
    });
    const wipe = make("button", { type: "button", textContent: "Wipe" });
    wipe.onclick = () => {
      this.pad?.clear();
      this.choose(0, false);
    };
    return make("div", { className: "draw" }, canvas, make("div", {}, make("p", {}, "or draw"), wipe));
  }

  /** @param {number} i @param {boolean} [asked] whether a person did */
  choose(i, asked = true) {
    const { codes, mode, tools } = this;
    if (!codes) return;
    this.at = i;
    this.code = Float32Array.from(row(codes, i));
    this.show();
    if (asked && mode !== "cut") tools.did();
  }

  /** The code with what is left out in its mean. */
  cut() {
    const { code, fill = [], kept = 0, tools } = this;
    const without = new Set(tools.data.order.slice(kept));
    return { code: code.map((v, d) => (without.has(d) ? fill[d] : v)), without };
  }

  show() {
    const { tools, bars, thumbs, sent, back } = this;
    if (!bars || !sent || !back) return;
    thumbs?.mark(this.at);
    const { code, without } = this.cut();
    bars.replaceChildren(
      codeBars(code, tools.palette, without),
      make("span", { className: "numbers" }, this.about(without.size)),
    );
    const image = this.at < 0 ? this.drawn : this.images[this.at];
    if (image) putImage(sent.canvas, image);
    this.loop.ask();
  }

  /** @param {number} without */
  about(without) {
    const dims = this.code.length;
    return without
      ? `code: ${dims - without} of ${dims} numbers kept`
      : `code: ${dims} ${dims === 1 ? "number" : "numbers"}`;
  }

  /** @param {() => boolean} open */
  async redraw(open) {
    const { decoder, back, like, at } = this;
    const image = at < 0 ? this.drawn : this.images[at];
    if (!decoder || !back || !image) return;
    const [made] = await decoder.images([this.cut().code]);
    if (!open()) return;
    putImage(back.canvas, made);
    back.line.textContent = `lost ${(100 * this.lost(image, made)).toFixed(1)} %`;
    if (like) {
      like.box.hidden = at < 0;
      if (at >= 0 && this.near[at]) putImage(like.canvas, this.near[at]);
    }
  }

  /** @type {ImageData[]} the set's images nearest to what came back */
  near = [];

  /** Squared error over that of the average image. @param {ImageData} image @param {ImageData} made */
  lost(image, made) {
    const { average = [], header } = this;
    const channels = header?.channels ?? 1;
    let [error, spread] = [0, 0];
    for (let i = 0; i < average.length; i++) {
      const at = 4 * Math.floor(i / channels) + (i % channels);
      const x = image.data[at] / 255;
      error += (x - made.data[at] / 255) ** 2;
      spread += (x - average[i]) ** 2;
    }
    return error / Math.max(spread, 1e-3);
  }

  unlock() {
    this.room.classList.remove("locked");
    if (!this.network) return;
    this.network.open = true;
    this.network.draw();
  }

  stop() {
    this.loop.stop();
    this.network?.stop();
    this.pad?.close();
  }
}

/** @param {HTMLElement} room @param {Tools<SqueezeData>} tools */
const open = (room, tools) => new Squeeze(room, tools).open();

export { open as make };
