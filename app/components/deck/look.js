import { finder, press } from "../shared/dom.js";

/** @import { PictureSize } from "../shared/types.js" */

const FINE = 64; // pixels a side from which a picture is enlarged smoothly

/**
 * How the large picture is enlarged: a small one by whole pixels, a fine one smoothly until its pixels are
 * asked for.
 */
export class Look {
  #fine = false;
  #pixels = false;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    const at = finder(root);
    this.box = at(".deck");
    this.stage = at(".stage");
    this.button = at("[data-do=pixels]", HTMLButtonElement);
  }

  /** @param {PictureSize} size of another run's pictures */
  begin({ width, height }) {
    this.#fine = Math.min(width, height) >= FINE;
    this.button.hidden = !this.#fine;
    // in whole multiples, so that every pixel is as large as the next
    this.stage.style.setProperty("--whole", this.#fine ? "1px" : `${width}px`);
    this.#write();
  }

  toggle() {
    this.#pixels = !this.#pixels;
    this.#write();
  }

  #write() {
    this.box.classList.toggle("smooth", this.#fine && !this.#pixels);
    press(this.button, this.#pixels);
  }
}
