import { context2d, count, download, finder, fitCanvas } from "../shared/dom.js";
import { gaussian, seeded } from "../shared/latent.js";

/** @import { Deck } from "./deck.js" */

/** A sheet of samples from the prior. */
export class Gallery {
  /** @type {number[][]} codes on the sheet */
  #codes = [];
  #seed = 1;

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    this.at = finder(root);
    this.box = this.at(".gallery", HTMLDetailsElement);
    this.number = this.at(".gallery select", HTMLSelectElement);
    this.temperature = this.at(".gallery input", HTMLInputElement);
    this.canvas = this.at(".gallery canvas", HTMLCanvasElement);
    this.box.ontoggle = this.number.onchange = this.temperature.oninput = () => this.draw();
    this.canvas.onclick = (event) => this.#choose(event);
  }

  draw() {
    const { opened } = this.deck;
    if (!this.box.open || !opened) return;
    const n = Number(this.number.value);
    const side = Math.sqrt(n);
    const temperature = Number(this.temperature.value);
    this.at(".gallery output").textContent = temperature.toFixed(2);
    // the same noise at every temperature, so that only the temperature changes the pictures
    const random = seeded(this.#seed);
    const { width, height, latent_dim } = opened.picture.decoder;
    const sample = () => Array.from({ length: latent_dim }, () => temperature * gaussian(random));
    this.#codes = Array.from({ length: n }, sample);
    const { canvas } = this;
    fitCanvas(canvas, { width: side * width, height: side * height });
    canvas.dataset.done = "0";
    /** @type {(image: ImageData, k: number) => void} */
    const paint = (image, k) => {
      context2d(canvas).putImageData(image, (k % side) * width, Math.floor(k / side) * height);
      count(canvas, "done");
    };
    opened.thumbnails.paint("gallery", this.#codes, paint, { urgent: true });
  }

  renew() {
    this.#seed++;
    this.draw();
  }

  download() {
    this.canvas.toBlob((blob) => {
      if (blob) download(blob, `${this.deck.given.name}-samples.png`);
    });
  }

  /** @param {MouseEvent} event */
  #choose(event) {
    // until the next run's samples are there, those on the sheet are of the run before
    if (!this.deck.opened) return;
    const box = this.canvas.getBoundingClientRect();
    const side = Math.sqrt(this.#codes.length);
    const column = Math.floor(((event.clientX - box.left) / box.width) * side);
    const row = Math.floor(((event.clientY - box.top) / box.height) * side);
    this.deck.jump(this.#codes[row * side + column]);
  }
}
