import { findAll, finder, make } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";
import { codeText, packCode, roundCode } from "../shared/latent.js";
import { decodedBy, openPicture } from "../shared/picture.js";
import { describe, WeightsRenewal } from "../shared/requests.js";
import { onKernelFault } from "../shared/simd.js";
import { Thumbnails } from "../shared/thumbnails.js";
import { Drawing } from "./drawing.js";
import { EncodedImage } from "./encoded.js";
import { Gallery } from "./gallery.js";
import { History } from "./history.js";
import { Notes } from "./notes.js";
import { Shelves } from "./shelves.js";
import { Sliders } from "./sliders.js";
import { Trust } from "./trust.js";
import { Walk } from "./walk.js";

/** @import { Picture } from "../shared/picture.js" */
/** @import { Code, Component, Header, Page } from "../shared/types.js" */
/** @import { DeckData, NewChange } from "./types.js" */

/** @typedef {{ picture: Picture, thumbnails: Thumbnails }} Opened what decodes, once it is loaded */
/** @typedef {{ code: number[], steps: number[] }} State that can be gone back to */

const REST = 120; // milliseconds without a move until small pictures are decoded
const REPORT = 350; // and until the page is told

/**
 * The deck: a code, what moves it and what shows it. Its parts (sliders, shelves, ...) hold what is theirs
 * and go through here to move the code.
 */
export class Deck {
  /** @type {DeckData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {Opened | null} */
  opened = null;
  /** @type {number[]} */
  code = [];
  /** @type {number[]} what the sliders have added up to: pins follow them, and nothing else */
  steps = [];
  /** @type {number[] | null} the code on the picture */
  shown = null;
  stamp = ""; // of the weights that are loaded
  /** @type {History<State>} */
  history = new History();
  notes = new Notes();
  renewal = new WeightsRenewal();
  gesture = false; // a move is under way, which is undone as one
  held = false; // a hand is on the deck
  alive = true;
  turn = 0; // counts loads, of which the newest stands
  /** @type {string | null | undefined} of the encoded image and the code that the page last asked for */
  encodedKey = null;
  /** @type {string | null} */
  openKey = null;
  /** @type {string | null} the code that the page knows: told again, it could undo a later step */
  reported = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resting;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  reporting;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.at = finder(root);
    this.canvas = this.at("canvas.picture", HTMLCanvasElement);
    this.picks = findAll(root, "[data-pick]", HTMLSelectElement);
    this.sliders = new Sliders(this, root);
    this.trust = new Trust(this, root);
    this.encoded = new EncodedImage(this, root);
    this.shelves = new Shelves(this, root);
    this.gallery = new Gallery(this, root);
    this.walk = new Walk(this, root);
    this.drawing = new Drawing(this, root);
    this.unhearFaults = onKernelFault(() => this.writeWhere());
  }

  stop() {
    this.alive = false;
    this.walk.halt();
    this.close();
    this.drawing.close();
    this.sliders.stop();
    this.trust.stop();
    this.renewal.stop();
    this.unhearFaults();
    clearTimeout(this.resting);
    clearTimeout(this.reporting);
  }

  /** What the page handed over. */
  get given() {
    if (!this.data) throw new Error("the deck has no data yet");
    return this.data;
  }

  /** A question that is true once what was begun now is of no use any more. */
  staleness() {
    const { turn } = this;
    return () => !this.alive || turn !== this.turn;
  }

  /** @param {string} text */
  say(text) {
    this.at(".say").textContent = text;
  }

  // ---------------------------------------------------------------- what the page hands over

  /** @param {Component<DeckData>} component */
  show(component) {
    const { data } = component;
    const other = data.run !== this.data?.run;
    this.page = component;
    this.data = data;
    if (other) this.begin(data);
    else this.updateNotes();
    this.takeEncoded(data);
    if (data.open && data.open.key !== this.openKey) {
      this.openKey = data.open.key;
      this.reported = packCode(roundCode(data.open.code));
      if (!other) {
        this.gesture = false;
        this.remember();
      }
      this.go(data.open.code);
    }
    if (other || data.header.stamp !== this.stamp) this.load(data.header, !other);
  }

  /** @param {DeckData} data of another run */
  begin({ header, order, grey, prior, told }) {
    // what the old run's decoder still paints is no code of this one
    this.close();
    this.opened = null;
    this.shown = null;
    this.encodedKey = this.openKey = null;
    this.gesture = false;
    this.walk.halt();
    this.history.clear();
    this.notes.forget();
    this.trust.forget();
    this.encoded.forget();
    this.drawing.forget();
    this.updateNotes();
    this.code = new Array(header.latent_dim).fill(0);
    this.steps = this.code;
    this.shelves.forget();
    this.sliders.build();
    this.at(".drawing").hidden = !grey;
    for (const word of findAll(this.root, "[data-told]")) word.hidden = word.dataset.told !== told;
    // a plain autoencoder has no prior to draw from
    for (const name of ["[data-do=random]", "[data-do=play]", ".speed", ".gallery"])
      this.at(name).hidden = !prior;
    this.picks.forEach((select, k) => {
      select.replaceChildren(...order.map((d) => make("option", { value: d, textContent: `z${d}` })));
      select.value = String(order[Math.min(k, order.length - 1)]);
    });
    enlarge(this.at(".deck"), header);
  }

  /** @param {DeckData} data */
  takeEncoded({ encoded, open }) {
    if (!encoded) return;
    if (encoded.key !== this.encodedKey) {
      this.encodedKey = encoded.key;
      this.reported = packCode(roundCode(encoded.code));
      this.encoded.set(encoded, !(open && open.key !== this.openKey));
    } else if (this.encoded.now?.key === encoded.key && this.encoded.now?.stamp !== encoded.stamp) {
      this.encoded.set(encoded, false); // encoded anew; a drawing has no key, and is the pad's
    }
  }

  /** What decodes paints no more. */
  close() {
    this.opened?.picture.close();
    this.opened?.thumbnails.close();
  }

  /** @param {Header} header @param {boolean} changed other weights of the same run */
  async load(header, changed) {
    this.turn++;
    const stale = this.staleness();
    const { run } = this.given;
    this.stamp = header.stamp;
    this.close();
    const say = (/** @type {string} */ text) => this.say(text);
    let picture;
    try {
      picture = await openPicture({ run, header, canvas: this.canvas, say });
    } catch (error) {
      if (stale()) return;
      const { status, message } = describe(error);
      if (status === 410) return this.refused(error);
      return this.say(`This run cannot be decoded: ${message}. Reload the page to try again.`);
    }
    if (stale()) return picture.close();
    picture.onpaint = (code) => this.painted(code);
    picture.onrefused = (error) => this.refused(error);
    const anew = "The run's weights changed while this page was open: the same code, decoded anew.";
    this.say(changed ? anew : "");
    // which may say that it has no workers
    this.opened = { picture, thumbnails: new Thumbnails({ decoder: picture.decoder, run, header, say }) };
    this.drawing.open();
    this.writeWhere();
    this.sliders.forgetStrips();
    this.encoded.hideSigma();
    this.go(this.code);
    this.encoded.draw();
    if (changed) this.drawing.renew();
    this.shelves.draw();
    this.gallery.draw();
    this.trust.read();
  }

  writeWhere() {
    if (this.opened) this.at(".where").textContent = decodedBy(this.opened.picture);
  }

  /** @param {unknown} error */
  refused(error) {
    const { status } = describe(error);
    if (status === 404) this.say("This run was deleted. Choose another one in the sidebar.");
    if (status === 410 && this.page) this.renewal.ask(this.page, () => this.given.header.stamp);
  }

  // ---------------------------------------------------------------- moving

  /** Where Reset leads and a double click: the encoded image's code, or the prior's mean. */
  home() {
    return this.encoded.now?.code ?? this.code.map(() => 0);
  }

  remember() {
    this.history.push({ code: this.code, steps: this.steps });
  }

  beginGesture() {
    if (this.gesture) return;
    this.gesture = true;
    this.remember();
  }

  endGesture() {
    this.gesture = false;
    this.rest();
  }

  /**
   * One dimension, as part of a gesture.
   *
   * @param {number} dim
   * @param {number} value
   */
  move(dim, value) {
    this.beginGesture();
    this.goAlong(this.code.with(dim, value));
  }

  /**
   * One dimension, by itself.
   *
   * @param {number} dim
   * @param {number} value
   */
  moveOnce(dim, value) {
    if (this.sliders.locked.has(dim)) return;
    this.walk.halt();
    this.endGesture();
    this.move(dim, value);
    this.endGesture();
  }

  /**
   * Somewhere else at once; locked dimensions stay.
   *
   * @param {number[]} code
   * @param {number[]} [steps]
   */
  jump(code, steps = this.steps) {
    this.walk.halt();
    this.endGesture();
    this.beginGesture();
    this.steps = steps;
    this.go(this.sliders.unlocked(code));
    this.endGesture();
  }

  /**
   * A step of the sliders, which the pins take too.
   *
   * @param {number[]} code
   */
  goAlong(code) {
    const before = this.code;
    const after = roundCode(code);
    this.steps = this.steps.map((v, d) => v + after[d] - before[d]);
    this.go(after);
  }

  /** @param {ArrayLike<number>} code */
  go(code) {
    this.code = roundCode(code);
    this.sliders.write();
    this.paint();
    this.opened?.thumbnails.hold();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
    this.reportSoon();
    this.writeHistory();
  }

  paint() {
    this.opened?.picture.draw(this.encoded.comparing ? this.home() : this.code);
  }

  undo() {
    this.goBack(this.history.undo({ code: this.code, steps: this.steps }));
  }

  redo() {
    this.goBack(this.history.redo({ code: this.code, steps: this.steps }));
  }

  /** @param {State | undefined} state */
  goBack(state) {
    if (!state) return;
    this.walk.halt();
    this.gesture = false;
    this.steps = state.steps;
    this.go(state.code);
  }

  writeHistory() {
    const undo = this.at("[data-do=undo]", HTMLButtonElement);
    const redo = this.at("[data-do=redo]", HTMLButtonElement);
    const { canUndo, canRedo } = this.history;
    if (undo.disabled === canUndo) undo.disabled = !canUndo;
    if (redo.disabled === canRedo) redo.disabled = !canRedo;
  }

  // ---------------------------------------------------------------- after a move

  /** @param {Code} code */
  painted(code) {
    this.shown = Array.from(code);
    this.at("output.code").textContent = codeText(code);
    this.encoded.moved(this.shown);
    this.trust.writeSoon();
    this.shelves.follow();
  }

  /** Small pictures are decoded when nothing moves. */
  rest() {
    clearTimeout(this.resting);
    if (!this.opened) return;
    if (this.held || this.walk.playing) {
      this.resting = setTimeout(() => this.rest(), REST);
      return;
    }
    this.opened.thumbnails.release();
    this.shelves.drawPins();
    this.sliders.drawStrips();
  }

  reportSoon() {
    clearTimeout(this.reporting);
    this.reporting = setTimeout(() => this.report(), REPORT);
  }

  report() {
    // a code that is still moving is nobody's link
    if (this.held || this.walk.playing) return this.reportSoon();
    if (!this.opened) return;
    const z = packCode(this.code);
    if (z === this.reported) return;
    this.reported = z;
    // with the time, since the page may have gone elsewhere and back again: the same code is news then
    this.page?.setStateValue("code", { run: this.given.run, z, at: Date.now() });
  }

  // ---------------------------------------------------------------- names and bookmarks

  /** @param {NewChange} change */
  changeNotes(change) {
    this.notes.add(change);
    this.updateNotes();
    const { page, changes } = this.notes;
    this.page?.setStateValue("marks", { run: this.given.run, page, changes });
  }

  updateNotes() {
    if (!this.notes.update(this.given.marks)) return;
    this.sliders.writeNames();
    this.shelves.drawBookmarks();
  }
}
