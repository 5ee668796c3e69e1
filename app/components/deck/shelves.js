import { findAll, finder, make, putImage } from "../shared/dom.js";

/** @import { Deck } from "./deck.js" */

const MOST_PINS = 8;
const MOST_BOOKMARKS = 100;

/**
 * Pictures that are kept beside the sliders: bookmarks as they are, and pins, which the sliders move along.
 */
export class Shelves {
  /** @type {number[][]} codes, as they were when the newest was set */
  #pins = [];
  /** @type {number[]} the deck's steps then: pins follow those made since */
  #pinned = [];
  /** @type {number[] | null} the steps of the pictures on show */
  #drawn = null;

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    this.at = finder(root);
  }

  /** Another run. */
  forget() {
    this.#pins = [];
    this.#pinned = this.deck.steps;
    const { refuses } = this.deck.given;
    const mark = this.at("[data-do=mark]", HTMLButtonElement);
    mark.disabled = Boolean(refuses);
    if (refuses) mark.title = refuses;
  }

  bookmark() {
    const { deck } = this;
    if (deck.notes.bookmarks.length < MOST_BOOKMARKS) deck.changeNotes({ do: "add", code: [...deck.code] });
    else deck.say(`${MOST_BOOKMARKS} bookmarks at most; remove one first.`);
  }

  pin() {
    const { deck } = this;
    if (this.#pins.length >= MOST_PINS) return deck.say("Eight pins at most; remove one first.");
    // from here on steps are counted from here, and the others stay where they have come to
    this.#pins = [...this.#pins.map((pin) => this.#moved(pin)), [...deck.code]];
    this.#pinned = deck.steps;
    this.drawPinShelf();
  }

  /**
   * The steps to go back to with Reset: those since the newest pin are taken back, but for locked dimensions.
   */
  stepsAtPin() {
    const { sliders, steps } = this.deck;
    return this.#pinned.map((v, d) => (sliders.locked.has(d) ? steps[d] : v));
  }

  /**
   * A pin, moved by the steps that the sliders made since the newest one was set.
   *
   * @param {number[]} pin
   */
  #moved(pin) {
    return pin.map((v, d) => v + this.deck.steps[d] - this.#pinned[d]);
  }

  // ---------------------------------------------------------------- drawing

  draw() {
    this.drawBookmarks();
    this.drawPinShelf();
  }

  drawBookmarks() {
    const codes = this.deck.notes.bookmarks;
    const canvases = this.#fill(".marks", "bookmark", codes, {
      go: (code) => code,
      drop: (code) => {
        const { refuses } = this.deck.given;
        if (refuses) this.deck.say(refuses);
        else this.deck.changeNotes({ do: "remove", code });
      },
    });
    /** @type {(image: ImageData, k: number) => void} */
    const paint = (image, k) => putImage(canvases[k], image);
    if (codes.length) this.deck.opened?.thumbnails.paint("marks", codes, paint, { urgent: true });
  }

  drawPinShelf() {
    this.#fill(".pins", "pin", this.#pins, {
      go: (pin) => this.#moved(pin),
      drop: (pin) => {
        this.#pins.splice(this.#pins.indexOf(pin), 1);
        this.drawPinShelf();
      },
    });
    this.drawPins();
  }

  /**
   * @param {string} selector of the shelf
   * @param {string} name
   * @param {number[][]} codes
   * @param {{ go: (code: number[]) => number[], drop: (code: number[]) => void }} does where a click leads,
   *   and how one is removed
   */
  #fill(selector, name, codes, { go, drop }) {
    const shelf = this.at(selector);
    shelf.hidden = !codes.length;
    const canvases = codes.map(() => make("canvas", { width: 1, height: 1 }));
    const items = codes.map((code, k) => {
      const which = `${name} ${k + 1}`;
      const open = make("button", { type: "button", "aria-label": which }, canvases[k]);
      open.onclick = () => this.deck.jump(go(code));
      const label = { "aria-label": `remove ${which}` };
      const remove = make("button", { type: "button", className: "drop", textContent: "×", ...label });
      remove.onclick = () => drop(code);
      return make("span", { className: "kept" }, open, remove);
    });
    this.at(`${selector} div`).replaceChildren(...items);
    return canvases;
  }

  /** The pins where the sliders have moved them. */
  drawPins() {
    const { opened, steps } = this.deck;
    if (!opened || !this.#pins.length) return;
    const canvases = findAll(this.at(".pins"), "canvas", HTMLCanvasElement);
    const codes = this.#pins.map((pin) => this.#moved(pin));
    this.#drawn = steps;
    /** @type {(image: ImageData, k: number) => void} */
    const paint = (image, k) => {
      if (canvases[k]?.isConnected) putImage(canvases[k], image);
    };
    opened.thumbnails.paint("pins", codes, paint, { urgent: true, finish: true });
  }

  /** After a picture, where this page decodes: the pins follow at once. */
  follow() {
    const { opened, steps } = this.deck;
    if (steps !== this.#drawn && opened?.picture.where === "browser") this.drawPins();
  }
}
