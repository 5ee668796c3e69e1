// A picture that follows a handle along a path of codes. One instance per place on the page; a rerun of the
// script only hands it new data.

import { arrowWay, finder, press } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";
import { shortestText } from "../shared/latent.js";
import { mounted } from "../shared/mount.js";
import { decodedBy, openPicture } from "../shared/picture.js";
import { describe, WeightsRenewal } from "../shared/requests.js";
import { onKernelFault } from "../shared/simd.js";
import { Thumbnails } from "../shared/thumbnails.js";
import { Strip } from "./strip.js";
import { playOn, Track } from "./track.js";

/** @import { Picture } from "../shared/picture.js" */
/** @import { Component, Page } from "../shared/types.js" */
/** @import { PathData } from "./track.js" */

const SECONDS = 4; // over a whole path at speed 1
const REST = 400; // milliseconds without a move until the page is told
const QUIET = 150; // milliseconds without a move until the strip goes on decoding
const STAND = 700; // milliseconds that a picture stands where less motion was asked for
const DIGITS = 13; // letters that a number of the code takes
const MOST_LINES = 4; // of the code before it scrolls

/**
 * Writes words into an element that holds nothing else: at every picture, and nothing is made anew for them.
 *
 * @param {Element} element
 * @param {string} text
 */
function writeWords(element, text) {
  if (!element.firstChild) element.append("");
  const node = /** @type {Text} */ (element.firstChild);
  if (node.data !== text) node.data = text;
}

class Path {
  /** @type {PathData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {Track | null} */
  track = null;
  /** @type {Picture | null} */
  picture = null;
  /** @type {Thumbnails | null} */
  thumbnails = null;
  renewal = new WeightsRenewal();
  position = 0;
  alive = true;
  turn = 0; // counts openings, of which the newest stands
  held = false; // a hand that holds the handle still has not let it rest
  playing = false;
  timer = 0;
  /** @type {number | null} the position that the page was told last, and all of them */
  reported = null;
  /** @type {Set<number>} */
  everReported = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resting;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  quiet;
  slow = ""; // what the browser lacks for small pictures

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.handle = this.at("input[type=range]", HTMLInputElement);
    this.canvas = this.at(".screen canvas", HTMLCanvasElement);
    this.playButton = this.at(".play");
    this.speed = this.at("select", HTMLSelectElement);
    this.bounce = this.at(".bounce", HTMLInputElement);
    this.strip = new Strip(this.at(".strip"), this.at(".marks"), (t) => {
      this.play(false);
      this.move(t);
    });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.handle.oninput = () => {
      this.play(false);
      this.move(Number(this.handle.value));
    };
    this.handle.onpointerdown = () => {
      this.held = true;
    };
    this.letGo = () => {
      if (!this.held) return;
      this.held = false;
      this.reportWhenIdle();
    };
    addEventListener("pointerup", this.letGo);
    addEventListener("pointercancel", this.letGo);
    this.handle.onkeydown = (event) => this.key(event);
    this.playButton.onclick = () => this.play(!this.playing);
    this.watch = new ResizeObserver(() => this.layOut(false));
    this.watch.observe(this.strip.box);
    this.unhearFaults = onKernelFault(() => this.writeWhere());
  }

  stop() {
    this.alive = false;
    this.play(false);
    clearTimeout(this.resting);
    clearTimeout(this.quiet);
    this.renewal.stop();
    this.unhearFaults();
    this.watch.disconnect();
    removeEventListener("pointerup", this.letGo);
    removeEventListener("pointercancel", this.letGo);
    this.picture?.close();
    this.thumbnails?.close();
  }

  // ---------------------------------------------------------------- what the page hands over

  /** @param {PathData} data @param {Page} page */
  show(data, page) {
    const before = this.data;
    this.page = page;
    this.data = data;
    this.colourTrack(data);
    const same = before?.codes === data.codes && before.t === data.t;
    if (same && this.track) this.track.marks = data.marks;
    else this.track = new Track(data);
    this.handle.min = String(data.low);
    this.handle.max = String(data.high);
    this.handle.setAttribute("aria-label", data.name);
    this.canvas.setAttribute("aria-label", data.picture);
    // the place is the hand's once it was shown, and a link's before
    const linked = !before || before.link !== data.link;
    if (linked) {
      this.play(false);
      clearTimeout(this.resting);
      this.reported = data.position;
    }
    const moved = linked || (before.position !== data.position && !this.everReported.has(data.position));
    const wanted = moved ? data.position : this.position;
    this.position = Math.min(data.high, Math.max(data.low, wanted));
    this.handle.value = String(this.position);
    enlarge(this.at(".path"), data.header);
    const stale = before?.run !== data.run || before.header.stamp !== data.header.stamp;
    if (stale) this.open(data);
    else if (!same) this.drawPicture();
    if (stale || !same || before.frames.join() !== data.frames.join()) this.layOut(true);
    this.write();
  }

  /**
   * The stretch between the waypoints stands out from what lies beyond them.
   *
   * @param {PathData} data
   */
  colourTrack({ edge, inside, low, high, rest }) {
    const part = (/** @type {number} */ v) => `${(100 * (v - low)) / (high - low)}%`;
    const faint = "color-mix(in srgb, currentcolor 14%, transparent)";
    const full = "color-mix(in srgb, currentcolor 38%, transparent)";
    const [from, to] = inside.map(part);
    const stops = `${faint} ${from}, ${full} ${from} ${to}, ${faint} ${to}`;
    const { style } = this.at(".path");
    style.setProperty("--edge", `${100 * edge}%`);
    style.setProperty("--rest", `${rest}rem`);
    this.handle.style.setProperty("--track", `linear-gradient(to right, ${stops})`);
  }

  /** @param {PathData} data */
  async open({ run, header }) {
    this.picture?.close();
    this.thumbnails?.close();
    this.picture = this.thumbnails = null;
    const turn = ++this.turn;
    try {
      const say = (/** @type {string} */ text) => this.fault(text);
      const picture = await openPicture({ run, header, canvas: this.canvas, say });
      if (!this.alive || turn !== this.turn) return picture.close();
      this.picture = picture;
      this.fault("");
      this.slow = "";
      picture.onrefused = (error) => this.refused(error);
      picture.onpaint = (code) =>
        writeWords(this.at("code"), `[${Array.from(code, shortestText).join(", ")}]`);
      const lacks = (/** @type {string} */ text) => {
        this.slow = ` ${text}`;
        this.writeWhere();
      };
      this.thumbnails = new Thumbnails({ decoder: picture.decoder, run, header, say: lacks });
      this.writeWhere();
      this.drawPicture();
      this.layOut(true);
    } catch (error) {
      if (!this.alive || turn !== this.turn || this.refused(error)) return;
      const { message } = describe(error);
      this.fault(`This path could not be decoded: ${message}. Reload the page to try again.`);
    }
  }

  writeWhere() {
    if (!this.picture) return;
    const words = decodedBy(this.picture);
    this.at(".where").textContent = `${words.charAt(0).toUpperCase()}${words.slice(1)}.${this.slow}`;
  }

  /** @param {string} text */
  fault(text) {
    this.at(".fault").textContent = text;
  }

  /**
   * The run was deleted, or goes on learning: its codes are of the weights this page was opened with.
   *
   * @param {unknown} error
   * @returns {boolean} whether that is all there is to say
   */
  refused(error) {
    const { status } = describe(error);
    if (status === 404) this.fault("This run was deleted. Choose another one in the sidebar.");
    if (status === 410 && this.page) {
      this.fault("The run's weights changed: the waypoints are being encoded anew…");
      this.renewal.ask(this.page, () => this.data?.header.stamp ?? "");
    }
    return status === 404 || status === 410;
  }

  // ---------------------------------------------------------------- moving

  drawPicture() {
    if (this.track) this.picture?.draw(this.track.code(this.position));
  }

  /** @param {number} position @param {boolean} [quietly] nobody is told where it rests */
  move(position, quietly = false) {
    if (!this.data) return;
    const { low, high } = this.data;
    this.position = Math.min(high, Math.max(low, position));
    this.thumbnails?.hold();
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.thumbnails?.release(), QUIET);
    this.handle.value = String(this.position);
    this.drawPicture();
    this.write();
    if (!quietly) this.reportWhenIdle();
  }

  reportWhenIdle() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (!this.held) this.report();
    }, REST);
  }

  report() {
    const position = Math.round(this.position * 1000) / 1000;
    if (!this.data?.reports || position === this.reported) return;
    this.reported = position;
    this.everReported.add(position);
    this.page?.setStateValue("position", position);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return; // the browser's
    const way = arrowWay(event);
    if (!way) return;
    event.preventDefault();
    this.play(false);
    const step = (event.shiftKey ? 0.1 : 0.01) * (this.data.inside[1] - this.data.inside[0]);
    this.move(Math.round((this.position + way * step) * 1000) / 1000);
  }

  write() {
    if (!this.data || !this.track) return;
    const where = this.track.describe(this.position, this.data.name);
    const position = this.position.toFixed(2);
    writeWords(this.at("output b"), position.replace("-", "−"));
    writeWords(this.at("output span"), where);
    this.handle.setAttribute("aria-valuetext", `${position}, ${where}`);
    this.strip.point(this.position);
  }

  // ---------------------------------------------------------------- playing

  /** @param {boolean} on */
  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    press(this.playButton, on, on ? "Pause" : "Play");
    cancelAnimationFrame(this.timer);
    if (!this.data) return;
    if (!on) {
      if (this.alive) this.move(this.position);
      return;
    }
    const [low, high] = this.data.inside;
    if (this.position >= high - 1e-6 || this.position < low) this.position = low;
    let forward = 1;
    let last = performance.now();
    let stood = last;
    const frame = (/** @type {number} */ now) => {
      if (!this.playing || !this.alive || !this.data) return;
      this.timer = requestAnimationFrame(frame);
      const speed = Number(this.speed.value);
      const { inside } = this.data;
      let share = (Math.min(0.1, (now - last) / 1000) * speed) / SECONDS;
      last = now;
      if (this.calm.matches) {
        // less motion was asked for: from picture to picture of the strip
        if (now - stood < STAND / speed) return;
        stood = now;
        share = 1 / Math.max(1, this.strip.cells.filter((cell) => !cell.beyond).length - 1);
      }
      const step = share * (inside[1] - inside[0]);
      const next = playOn(this.position, forward, step, inside, this.bounce.checked);
      forward = next.forward;
      this.move(next.position, true);
    };
    this.timer = requestAnimationFrame(frame);
  }

  // ---------------------------------------------------------------- the strip

  /** @param {boolean} anew */
  layOut(anew) {
    const { data, track } = this;
    if (!data || !track || !this.strip.box.clientWidth) return;
    this.reserveLines(track.dims);
    if (!this.strip.layOut(data, anew)) return;
    this.write();
    if (!this.thumbnails) return;
    this.strip.fill(
      this.thumbnails,
      (t) => track.code(t),
      (error) => {
        if (!this.refused(error)) this.fault(`The strip could not be decoded: ${describe(error).message}.`);
      },
    );
  }

  /**
   * As many lines as the code may need, so that nothing below it moves when its digits do.
   *
   * @param {number} dims
   */
  reserveLines(dims) {
    const code = this.at("code");
    const letter = 0.62 * Number.parseFloat(getComputedStyle(code).fontSize);
    const lines = Math.ceil((dims * DIGITS * letter) / Math.max(1, code.clientWidth - 2 * letter));
    code.style.minHeight = `${1.5 * Math.min(MOST_LINES, lines)}em`;
  }
}

export default mounted(
  (root) => new Path(root),
  (path, /** @type {Component<PathData>} */ component) => path.show(component.data, component),
);
