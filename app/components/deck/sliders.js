import { arrowWay, context2d, findAll, finder, fitCanvas, make } from "../shared/dom.js";
import { limitsOf, stepWithin, stripValues } from "./ranges.js";

/** @import { Deck } from "./deck.js" */
/** @import { RangeName } from "./ranges.js" */
/** @import { Span } from "./types.js" */

const THUMBNAILS = 9; // pictures under a slider
const FIRST = 12; // sliders that are shown at once; the others are folded
const WRITING = 50; // milliseconds between writing all numbers
const FARTHEST = 1e6; // that may be typed

/**
 * @typedef {object} Slider
 * @property {HTMLInputElement} input
 * @property {HTMLInputElement} value
 * @property {HTMLInputElement} name
 * @property {HTMLCanvasElement} strip
 * @property {boolean} seen in view
 * @property {string} signature of what its strip shows
 */

/** The sliders: one per dimension, with its name, number, lock and strip of pictures. */
export class Sliders {
  /** @type {Map<number, Slider>} by dimension */
  all = new Map();
  /** @type {Set<number>} */
  locked = new Set();
  /** @type {RangeName} */
  range = "prior";
  /** by a hand */
  chosen = false;
  /** @type {Span | null} */
  span = null;
  #writtenAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #writing;

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    this.root = root;
    this.at = finder(root);
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const slider = this.all.get(Number(/** @type {HTMLElement} */ (target).dataset.dim));
        if (slider) slider.seen = isIntersecting;
      }
      deck.rest();
    });
    for (const radio of this.radios()) {
      radio.onchange = () => {
        this.range = /** @type {RangeName} */ (radio.value);
        this.chosen = true;
        this.writeBounds();
        this.write();
        deck.rest();
      };
    }
  }

  stop() {
    this.sight.disconnect();
    clearTimeout(this.#writing);
  }

  radios() {
    return findAll(this.root, "[name=range]", HTMLInputElement);
  }

  /** Another run: all sliders anew. */
  build() {
    const { order, collapsed } = this.deck.given;
    this.locked.clear();
    this.range = "prior";
    this.chosen = false;
    this.sight.disconnect();
    this.all.clear();
    this.setSpan(this.deck.given.span, this.deck.given.span ? "" : "data: once the images' codes are there");
    const folded = new Set(collapsed);
    const used = order.filter((dim) => !folded.has(dim));
    const more = used.slice(FIRST);
    this.at(".sliders").replaceChildren(...used.slice(0, FIRST).map((dim) => this.#make(dim)));
    this.#fold(".more", more, `${more.length} more dimensions`);
    const dimensions = collapsed.length === 1 ? "dimension" : "dimensions";
    this.#fold(".collapsed", collapsed, `${collapsed.length} collapsed ${dimensions}`);
    // a wholly collapsed run would show no slider at all
    this.at(".collapsed", HTMLDetailsElement).open = !used.length;
  }

  /** Hundreds of sliders are made only when somebody wants to see them. */
  /** @param {string} selector @param {number[]} dims @param {string} title */
  #fold(selector, dims, title) {
    const details = this.at(selector, HTMLDetailsElement);
    details.hidden = !dims.length;
    details.open = false;
    this.at(`${selector} summary`).textContent = title;
    const inside = this.at(`${selector} div`);
    inside.replaceChildren();
    details.ontoggle = () => {
      if (!details.open || inside.children.length) return;
      inside.append(...dims.map((dim) => this.#make(dim)));
      this.write();
    };
  }

  /** @param {number} dim */
  #make(dim) {
    const { kl, refuses } = this.deck.given;
    const z = `z${dim}`;
    const input = make("input", { type: "range", step: "0.001", "aria-label": z });
    const value = make("input", {
      ...{ type: "number", step: "0.001", className: "value", "aria-label": `${z} value` },
    });
    const name = make("input", {
      ...{ type: "text", className: "name", maxLength: 40, placeholder: "name" },
      ...{ "aria-label": `name of ${z}`, value: this.deck.notes.names[dim] ?? "" },
      ...{ disabled: Boolean(refuses), title: refuses },
    });
    const lock = make("button", {
      ...{ type: "button", className: "lock", textContent: "lock", "aria-pressed": "false" },
      ...{ title: "Keep this dimension as it is", "aria-label": `lock ${z}` },
    });
    const strip = make("canvas", { className: "strip", "aria-hidden": "true", width: THUMBNAILS, height: 1 });
    const use = make("span", {}, ...(kl.length ? [`KL ${kl[dim].toFixed(2)}`, make("i", {}, " nats")] : []));
    const title = make("b", { textContent: z });
    const head = make("div", { className: "head" }, title, name, ...this.#share(dim), use, lock, value);
    const box = make("div", { className: "slider" }, head, input, strip);
    box.dataset.dim = String(dim);
    /** @type {Slider} */
    const slider = { input, value, name, strip, seen: false, signature: "" };
    this.all.set(dim, slider);
    this.sight.observe(box);
    this.#writeBounds(dim, slider);
    this.#wire(dim, slider, lock);
    return box;
  }

  /**
   * What the slider changes most, and its share of all that it changes; nothing where that is not known.
   *
   * @param {number} dim
   */
  #share(dim) {
    const { effects, marks } = this.deck.given;
    const [top, share] = effects[dim] ?? ["", 0];
    if (!top) return [];
    const percent = `${Math.round(100 * share)} %`;
    const named = marks.names[dim]?.toLowerCase() === top.toLowerCase(); // which stands beside it
    const textContent = named ? percent : `${top} ${percent}`;
    const button = make("button", { type: "button", className: "word share", textContent });
    button.setAttribute("aria-label", `share of ${top}: ${percent}`);
    button.setAttribute("popovertarget", "word-deck-share");
    return [button];
  }

  /** @param {number} dim @param {Slider} slider @param {HTMLButtonElement} lock */
  #wire(dim, { input, value, name, strip }, lock) {
    const { deck } = this;
    input.oninput = () => deck.move(dim, Number(input.value));
    input.onchange = () => deck.endGesture();
    input.ondblclick = () => deck.moveOnce(dim, deck.home()[dim]);
    input.onkeydown = (event) => this.#key(dim, event);
    value.onchange = () => {
      const typed = Number(value.value);
      if (value.value === "" || !Number.isFinite(typed)) this.write();
      else deck.moveOnce(dim, Math.min(FARTHEST, Math.max(-FARTHEST, typed)));
    };
    name.onchange = () => deck.changeNotes({ do: "name", dim, name: name.value.trim() });
    lock.onclick = () => {
      const on = !this.locked.has(dim);
      if (on) this.locked.add(dim);
      else this.locked.delete(dim);
      lock.setAttribute("aria-pressed", String(on));
      input.disabled = value.disabled = on;
    };
    // a click on the strip goes to what it shows
    strip.onclick = (event) => {
      const box = strip.getBoundingClientRect();
      const k = Math.floor(((event.clientX - box.left) / box.width) * THUMBNAILS);
      deck.moveOnce(dim, this.#values(dim)[Math.min(THUMBNAILS - 1, k)]);
    };
  }

  /** @param {number} dim @param {KeyboardEvent} event */
  #key(dim, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's: zoom, the page before
    const { deck } = this;
    const way = arrowWay(event);
    if (way) {
      event.preventDefault();
      deck.walk.halt();
      deck.move(dim, this.step(dim, deck.code[dim], way * (event.shiftKey ? 0.5 : 0.05)));
    } else if (event.key === "0") {
      event.preventDefault();
      deck.moveOnce(dim, 0);
    }
  }

  // ---------------------------------------------------------------- ranges

  /** @param {Span | null} span how far the data goes @param {string} [why] that is not known */
  setSpan(span, why = "") {
    this.span = span;
    if (!span && this.range === "data") this.range = "prior";
    if (span && !this.chosen) this.range = this.deck.given.range;
    for (const radio of this.radios()) {
      radio.checked = radio.value === this.range;
      radio.disabled = radio.value === "data" && !span;
    }
    this.at("[data-n=range]").textContent = why;
    this.writeBounds();
  }

  /** @param {number} dim */
  limits(dim) {
    return limitsOf(this.range, this.span, dim);
  }

  /** @param {number} dim @param {number} from @param {number} by */
  step(dim, from, by) {
    return stepWithin(this.limits(dim), from, by);
  }

  /** @param {number} dim */
  #values(dim) {
    return stripValues(this.limits(dim), THUMBNAILS);
  }

  /** @param {number[]} code of which locked dimensions stay as they are now */
  unlocked(code) {
    return code.map((v, dim) => (this.locked.has(dim) ? this.deck.code[dim] : v));
  }

  // ---------------------------------------------------------------- what they show

  writeBounds() {
    for (const [dim, slider] of this.all) this.#writeBounds(dim, slider);
  }

  /** @param {number} dim @param {Slider} slider */
  #writeBounds(dim, { input }) {
    const [low, high] = this.limits(dim);
    input.min = low.toFixed(3);
    input.max = high.toFixed(3);
  }

  /** The sliders as the code says; a handle stops at the end of its range, the number never does. */
  write() {
    const { code } = this.deck;
    for (const [dim, { input }] of this.all) {
      const v = String(code[dim]);
      if (input.value !== v) input.value = v;
    }
    // writing into a number field costs more than anything else here: some twenty times a second are enough
    clearTimeout(this.#writing);
    if (performance.now() - this.#writtenAt > WRITING) this.#writeNumbers();
    else this.#writing = setTimeout(() => this.#writeNumbers(), WRITING + 10);
  }

  #writeNumbers() {
    this.#writtenAt = performance.now();
    const { code } = this.deck;
    const busy = this.root.querySelector("input:focus");
    for (const [dim, { value }] of this.all) {
      const v = String(code[dim]);
      if (value !== busy && value.value !== v) value.value = v;
    }
  }

  writeNames() {
    const busy = this.root.querySelector("input:focus");
    for (const [dim, { name }] of this.all) {
      if (name !== busy) name.value = this.deck.notes.names[dim] ?? "";
    }
  }

  /** Other weights: no strip is as it should be. */
  forgetStrips() {
    for (const slider of this.all.values()) slider.signature = "";
  }

  drawStrips() {
    for (const [dim, slider] of this.all) if (slider.seen) this.#drawStrip(dim, slider);
  }

  /** @param {number} dim @param {Slider} slider */
  #drawStrip(dim, slider) {
    const { code, stamp, opened } = this.deck;
    if (!opened) return;
    const { min, max } = slider.input;
    const signature = `${stamp} ${this.range} ${min} ${max} ${code.with(dim, 0)}`;
    if (slider.signature === signature) return;
    slider.signature = signature;
    const codes = this.#values(dim).map((v) => code.with(dim, v));
    const { width, height } = opened.picture.decoder;
    const { strip } = slider;
    /** @type {(image: ImageData, k: number) => void} */
    const paint = (image, k) => {
      fitCanvas(strip, { width: width * THUMBNAILS, height });
      context2d(strip).putImageData(image, k * width, 0);
    };
    const failed = () => {
      slider.signature = "";
    };
    opened.thumbnails.paint(`strip ${dim}`, codes, paint, { failed });
  }
}
