import { finder } from "../shared/dom.js";
import { DrawingPad } from "../shared/drawing_pad.js";
import { describe } from "../shared/requests.js";

/** @import { Drawing as Found } from "../shared/drawing_pad.js" */
/** @import { Deck } from "./deck.js" */

/** What is drawn on the deck's pad: encoded while it is drawn, and the encoded image from then on. */
export class Drawing {
  /** @type {DrawingPad | null} */
  #pad = null;
  #owed = false; // it could not be encoded, for the weights had changed
  #renewing = false; // it is encoded anew, and nothing else moves

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    this.at = finder(root);
  }

  /** From the first network on. */
  open() {
    const { deck } = this;
    this.#pad ??= new DrawingPad({
      canvas: this.at(".pad", HTMLCanvasElement),
      seen: this.at(".seen", HTMLCanvasElement),
      weights: () => ({ run: deck.given.run, stamp: deck.stamp }),
      answered: (found, image) => this.#answered(found, image),
      refused: (error) => this.#refused(error),
    });
  }

  close() {
    this.#pad?.close();
  }

  clear() {
    this.#pad?.clear();
  }

  /** Another run. */
  forget() {
    this.#owed = this.#renewing = false;
  }

  /**
   * New weights: a drawing is encoded by them, as the page does with images. One that was wiped off the pad
   * stays as it is.
   */
  renew() {
    const encoded = this.deck.encoded.now;
    const mine = encoded && encoded.key === undefined;
    if (!this.#pad || this.#pad.empty) {
      if (mine)
        this.deck.encoded.set({ ...encoded, std: null, note: "as earlier weights encoded it" }, false);
      return;
    }
    this.#renewing = Boolean(mine) && !this.#owed;
    if (mine || this.#owed) this.#pad.encode();
    this.#owed = false;
  }

  /** @param {Found} found @param {ImageData} image */
  #answered({ mean, std }, image) {
    const { deck } = this;
    const down = this.#pad?.down ?? false;
    const renewed = this.#renewing && !down;
    this.#renewing = false;
    const note = renewed ? "encoded anew" : "";
    const spread = std.some((v) => v > 0) ? std : null;
    deck.encoded.set({ code: mean, std: spread, words: "your drawing", note, image }, false);
    if (renewed) return;
    deck.walk.halt();
    if (!down) deck.gesture = false;
    deck.beginGesture();
    deck.go(deck.sliders.unlocked(deck.home()));
    if (!down) deck.endGesture();
    const locked = "Locked dimensions stay, so the large picture is not the drawing's own reconstruction.";
    deck.say(deck.sliders.locked.size ? locked : "");
  }

  /** @param {unknown} error */
  #refused(error) {
    const { status, message } = describe(error);
    if (status === 410) this.#owed = true;
    this.deck.refused(error);
    if (status !== 404 && status !== 410) this.deck.say(`The drawing could not be encoded: ${message}.`);
  }
}
