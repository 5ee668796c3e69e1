// Home's picture: a decoder that runs in the page and walks slowly through its prior.

import { loadDecoder } from "../shared/decoder.js";
import { context2d, count, finder, fitCanvas, press } from "../shared/dom.js";
import { gaussian, seeded, slerp } from "../shared/latent.js";
import { mounted } from "../shared/mount.js";
import { describe, onItsWay, weightsOf } from "../shared/requests.js";

/** @import { Component, Header } from "../shared/types.js" */
/** @import { Decoder } from "../shared/decoder.js" */
/** @typedef {{ run: string, header: Header, caption: string }} WalkData */

const LEG_SECONDS = 3.5; // from one code of the prior to the next
// milliseconds: thirty pictures a second are enough for a slow walk and leave the page its time
const FRAME = 30;

class PriorWalk {
  /** @type {Decoder | null} */
  decoder = null;
  stamp = "";
  alive = true;
  timer = 0;
  last = 0;
  /** how far the walk is from one code to the next, 0 to 1 */
  share = 0;
  /** @type {number[]} */
  from = [];
  /** @type {number[]} */
  to = [];
  random = seeded(7);

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    const at = finder(root);
    this.canvas = at("canvas", HTMLCanvasElement);
    this.button = at("button");
    this.note = at("span");
    // who asked their system for less motion gets a picture that stands until played
    this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.button.onclick = () => {
      this.playing = !this.playing;
      this.writeButton();
      this.last = performance.now();
    };
  }

  stop() {
    this.alive = false;
    cancelAnimationFrame(this.timer);
  }

  /** @param {WalkData} data */
  async show({ run, header, caption }) {
    if (header.stamp === this.stamp) return;
    this.stamp = header.stamp;
    this.note.textContent = caption;
    this.writeButton();
    try {
      const say = (/** @type {string} */ text) => {
        if (this.alive && this.stamp === header.stamp) this.note.textContent = text || caption;
      };
      const decoder = await onItsWay(loadDecoder(run, header), weightsOf(header.floats), say);
      if (!this.alive || this.stamp !== header.stamp) return;
      this.decoder = decoder;
    } catch (error) {
      const { message } = describe(error);
      this.note.textContent = `This picture could not be decoded: ${message}. Reload the page to try again.`;
      return;
    }
    this.random = seeded(7);
    fitCanvas(this.canvas, this.decoder);
    this.canvas.dataset.frame = "0";
    this.from = this.draw();
    this.to = this.draw();
    this.share = 0;
    this.last = performance.now();
    cancelAnimationFrame(this.timer);
    this.timer = requestAnimationFrame((now) => this.frame(now));
  }

  writeButton() {
    press(this.button, this.playing, this.playing ? "Pause" : "Play");
  }

  /** A code from the prior. */
  draw() {
    return Array.from({ length: this.decoder?.latent_dim ?? 0 }, () => gaussian(this.random));
  }

  /** @param {number} now */
  frame(now) {
    const { decoder, canvas } = this;
    if (!this.alive || !decoder) return;
    this.timer = requestAnimationFrame((later) => this.frame(later));
    const first = canvas.dataset.frame === "0";
    if ((!this.playing && !first) || document.hidden) {
      this.last = now;
      return;
    }
    if (now - this.last < FRAME && !first) return;
    this.share += Math.min(0.1, (now - this.last) / 1000) / LEG_SECONDS;
    this.last = now;
    if (this.share >= 1) {
      this.share -= 1;
      this.from = this.to;
      this.to = this.draw();
    }
    const eased = this.share * this.share * (3 - 2 * this.share);
    const image = new ImageData(decoder.width, decoder.height);
    context2d(canvas).putImageData(decoder.paint(slerp(this.from, this.to, eased), image), 0, 0);
    count(canvas, "frame");
  }
}

export default mounted(
  (root) => new PriorWalk(root),
  (walk, /** @type {Component<WalkData>} */ component) => walk.show(component.data),
);
