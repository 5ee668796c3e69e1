import { finder, press } from "../shared/dom.js";
import { gaussian, slerp } from "../shared/latent.js";

/** @import { Deck } from "./deck.js" */

const LEG_SECONDS = 3.5; // from one code of the prior to the next, at speed 1
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Plays a smooth walk through the prior; locked dimensions stay. */
export class Walk {
  #frame = 0;

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    const at = finder(root);
    this.button = at("[data-do=play]", HTMLButtonElement);
    this.speed = at("[aria-label=speed]", HTMLInputElement);
  }

  get playing() {
    return this.#frame !== 0;
  }

  toggle() {
    if (this.playing) this.halt();
    else this.#play();
  }

  halt() {
    if (!this.playing) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    press(this.button, false, "Play");
    this.deck.endGesture();
  }

  #play() {
    const { deck } = this;
    deck.endGesture();
    deck.beginGesture();
    press(this.button, true, "Pause");
    const sample = () => deck.sliders.unlocked(deck.code.map(() => gaussian(Math.random)));
    let from = [...deck.code];
    let to = sample();
    let t = 0;
    let last = performance.now();
    const frame = (/** @type {number} */ now) => {
      this.#frame = requestAnimationFrame(frame);
      const leg = (now - last) / 1000 / LEG_SECONDS;
      // less motion was asked for: from code to code, without the way between
      if (calm.matches && leg * Number(this.speed.value) < 1) return;
      t += calm.matches ? 1 : Math.min(0.1 / LEG_SECONDS, leg) * Number(this.speed.value);
      last = now;
      if (t >= 1) {
        t = calm.matches ? 0 : t - 1;
        from = to;
        to = sample();
      }
      const eased = t * t * (3 - 2 * t);
      deck.go(deck.sliders.unlocked(slerp(from, to, eased)));
    };
    this.#frame = requestAnimationFrame(frame);
  }
}
