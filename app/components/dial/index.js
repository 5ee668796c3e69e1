// The β dial. One instance per place on the page; a rerun of the script only hands it new data.

import { loadDial } from "../shared/decoder.js";
import { arrowWay, count, finder, make, press } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { decodedBy } from "../shared/picture.js";
import { describe, onItsWay, WeightsRenewal, weightsOf } from "../shared/requests.js";
import { onKernelFault } from "../shared/simd.js";
import { readArrays } from "./arrays.js";
import { Cells } from "./cells.js";
import { CodesChart, CurveChart, KlChart } from "./charts.js";
import { betaText, interpolate } from "./curve.js";
import { WorkerPool } from "./workers.js";

/** @import { Dial } from "../shared/decoder.js" */
/** @import { Component, Page } from "../shared/types.js" */
/** @import { DialArrays, DialData } from "./types.js" */

const REST = 400; // milliseconds without a move until the page is told
// milliseconds of a frame that pictures may take; those that are left come in the next
const BUDGET = 10;
const SECONDS = 6; // from end to end when it plays
const STAND = 700; // milliseconds that a β stands where less motion was asked for

class BetaDial {
  /** @type {DialData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {Dial | null} */
  network = null;
  /** @type {DialArrays | null} */
  arrays = null;
  renewal = new WeightsRenewal();
  alive = true;
  turns = 0; // counts what the page handed over, of which the newest stands
  beta = 1;
  span = 1; // of log β
  /** @type {number | null} the β at which the charts stand */
  marked = null;
  held = false;
  moved = false; // since the page was told
  playing = false;
  timer = 0;
  drawing = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resting;
  /** what stands and is not drawn anew: kinds of pictures, what they show, figures */
  standing = { places: "", shown: "", charts: "" };
  fault = ""; // of WebAssembly

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.box = this.at(".dial");
    this.input = this.at("input", HTMLInputElement);
    this.playButton = this.at(".play");
    this.map = this.at(".map", HTMLCanvasElement);
    this.curve = new CurveChart(this.at(".curve", SVGSVGElement));
    this.kl = new KlChart(this.at(".bars", SVGSVGElement));
    this.codes = new CodesChart(this.map);
    this.cells = new Cells(root);
    this.workers = new WorkerPool({
      cells: () => this.cells.all,
      painted: (cell, pixels, beta) => {
        const { width, height } = cell.image;
        this.cells.put(cell, new ImageData(new Uint8ClampedArray(pixels), width, height), beta, this.beta);
      },
      changed: () => this.workersChanged(),
    });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.input.oninput = () => {
      this.play(false);
      this.turn(this.betaAt(Number(this.input.value)));
    };
    // a hand that holds the handle still has not let it rest
    this.input.onpointerdown = () => {
      this.held = true;
    };
    this.letGo = () => {
      if (!this.held) return;
      this.held = false;
      this.reportWhenIdle();
    };
    addEventListener("pointerup", this.letGo);
    addEventListener("pointercancel", this.letGo);
    this.input.onkeydown = (event) => this.key(event);
    this.playButton.onclick = () => this.play(!this.playing);
    this.watch = new ResizeObserver(() => {
      this.drawAxes();
      this.draw();
    });
    this.watch.observe(this.at(".charts"));
    this.unhearFaults = onKernelFault(() => {
      this.fault = `Pictures are ${decodedBy({ where: "browser" })}.`;
      this.say(this.fault);
    });
  }

  stop() {
    this.alive = false;
    this.play(false);
    clearTimeout(this.resting);
    this.renewal.stop();
    this.unhearFaults();
    cancelAnimationFrame(this.drawing);
    this.workers.dismiss();
    removeEventListener("pointerup", this.letGo);
    removeEventListener("pointercancel", this.letGo);
    this.watch.disconnect();
    this.cells.close();
  }

  // ---------------------------------------------------------------- what the page hands over

  /** @param {DialData} data @param {Page} page */
  async show(data, page) {
    const before = this.data;
    const turn = ++this.turns;
    this.data = data;
    this.page = page;
    const { run, header } = data;
    const { lowest, highest } = header;
    this.span = Math.log(highest / lowest);
    if (before?.run !== run) this.beta = Math.min(highest, Math.max(lowest, data.beta));
    this.at(".charts").style.display = data.stops ? "" : "none";
    this.writeTicks();
    this.write();
    const stale = () => !this.alive || turn !== this.turns;
    try {
      const same = before?.run === run && before.header.stamp === header.stamp && this.network;
      if (!same) {
        this.network = null;
        this.workers.dismiss();
        const say = (/** @type {string} */ text) => stale() || this.say(text);
        const network = await onItsWay(loadDial(run, header), weightsOf(header.floats), say);
        if (stale()) return;
        this.network = network;
        this.workers.hire(run, header);
      }
      const arrays = await readArrays(data);
      if (stale()) return;
      this.take(data, arrays, !same);
    } catch (error) {
      if (!stale()) this.refused(error);
    }
  }

  /**
   * The page is told of β at every rest and hands the same data back: what stands is not drawn anew.
   *
   * @param {DialData} data
   * @param {DialArrays} arrays
   * @param {boolean} fresh of another network
   */
  take(data, arrays, fresh) {
    this.arrays = arrays;
    this.say(this.fault);
    const { width, height, channels, latent_dim } = data.header;
    const sizes = [width, height, channels, latent_dim, arrays.images?.length, arrays.noise.length];
    const places = [data.run, ...sizes, data.dims, data.values].join();
    const shown = [data.images, data.noise].join();
    const charts = JSON.stringify([data.stops, data.others]);
    const { standing } = this;
    const others = places !== standing.places;
    if (others) this.cells.layOut(data, arrays);
    const refilled = others || shown !== standing.shown;
    if (refilled) {
      this.cells.fill(data, arrays);
      this.workers.brief();
    }
    if (charts !== standing.charts) this.drawAxes();
    this.standing = { places, shown, charts };
    this.marked = null;
    if (fresh || refilled) this.turn(this.beta, true);
    else this.draw();
  }

  /** @param {unknown} error */
  refused(error) {
    const { status, message } = describe(error);
    if (status === 410 && this.page) {
      this.say("The run's weights changed: the dial is being opened anew…");
      this.renewal.ask(this.page, () => this.data?.header.stamp ?? "");
    } else if (status === 404) this.say("This run was deleted. Choose another one.");
    else this.say(`The dial could not be opened: ${message}. Reload the page to try again.`);
  }

  /** @param {string} text */
  say(text) {
    this.at(".say").textContent = text;
  }

  // ---------------------------------------------------------------- turning

  /** @param {number} share of the way along the handle */
  betaAt(share) {
    return (this.data?.header.lowest ?? 1) * Math.exp(share * this.span);
  }

  /** @param {number} beta */
  shareOf(beta) {
    return Math.log(beta / (this.data?.header.lowest ?? 1)) / this.span;
  }

  /** @param {number} beta @param {boolean} [quietly] the page is not told where it rests */
  turn(beta, quietly = false) {
    if (!this.data) return;
    const { lowest, highest } = this.data.header;
    this.beta = Math.min(highest, Math.max(lowest, beta));
    this.input.value = String(this.shareOf(this.beta));
    this.cells.age();
    this.box.dataset.waiting = "true";
    this.write();
    this.draw();
    this.feed();
    if (quietly) return;
    this.moved = true;
    this.reportWhenIdle();
  }

  reportWhenIdle() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.held || !this.moved) return;
      this.moved = false;
      this.page?.setStateValue("beta", Number(betaText(this.beta)));
    }, REST);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const way = arrowWay(event);
    if (!way && event.key !== "1") return;
    event.preventDefault();
    this.play(false);
    if (!way) return this.turn(1);
    const share = this.shareOf(this.beta) + way * (event.shiftKey ? 0.1 : 0.01);
    this.turn(this.betaAt(Math.min(1, Math.max(0, share))));
  }

  /** @param {boolean} on */
  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    press(this.playButton, on, on ? "Pause" : "Play");
    cancelAnimationFrame(this.timer);
    if (!on) {
      if (this.alive && this.network) this.turn(this.beta);
      return;
    }
    let share = this.shareOf(this.beta);
    let way = share > 0.995 ? -1 : 1;
    let last = performance.now();
    const step = (/** @type {number} */ now) => {
      if (!this.playing) return;
      this.timer = requestAnimationFrame(step);
      const calm = this.calm.matches; // less motion was asked for
      if (calm && now - last < STAND) return;
      share += way * (calm ? 0.1 : Math.min(0.1, (now - last) / 1000 / SECONDS));
      last = now;
      if (share >= 1 || share <= 0) {
        way = -way;
        share = Math.min(1, Math.max(0, share));
      }
      this.turn(this.betaAt(share), true);
    };
    this.timer = requestAnimationFrame(step);
  }

  write() {
    const at = this.figures();
    const said = at ? `rate ${at.rate.toFixed(1)}, distortion ${at.distortion.toFixed(1)} nats` : "";
    const beta = `β ${betaText(this.beta)}`;
    this.at(".turn output b").textContent = beta;
    this.at(".turn output span").textContent = said;
    this.input.setAttribute("aria-valuetext", said ? `${beta}, ${said}` : beta);
  }

  writeTicks() {
    if (!this.data) return;
    const { lowest, highest } = this.data.header;
    const found = [];
    for (let power = -4; power < 4; power++) {
      for (const lead of [1, 3]) {
        const beta = lead * 10 ** power;
        if (beta < lowest * 0.999 || beta > highest * 1.001) continue;
        const tick = make("span", { textContent: betaText(beta) });
        tick.style.left = `${100 * this.shareOf(beta)}%`;
        found.push(tick);
      }
    }
    this.at(".ticks").replaceChildren(...found);
    this.input.value = String(this.shareOf(this.beta));
  }

  // ---------------------------------------------------------------- pictures

  draw() {
    if (!this.network) return;
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      this.frame();
    });
  }

  // With workers beside it the page renews the first picture in view at every frame, and then takes its turn
  // at the others with them. Where it is alone, that picture would leave it no time for the rest.
  lead() {
    return this.workers.count ? this.cells.firstSeen() : -1;
  }

  /** The curve and the map at once; pictures one after the other, as many as a frame has room for. */
  frame() {
    const { network, cells } = this;
    if (!this.alive || !network) return;
    const began = performance.now();
    const first = this.lead();
    network.turn(this.beta);
    if (this.marked !== this.beta) {
      this.drawMarks();
      this.marked = this.beta;
    }
    const ahead = cells.all[first];
    const due = ahead?.old && !ahead.busy && ahead.source;
    for (let k = due ? first : cells.pick(); k >= 0; k = cells.pick()) {
      const cell = cells.all[k];
      if (!cell.source) break;
      cells.put(cell, network.paintSource(cell.source, cell.image), this.beta, this.beta);
      if (performance.now() - began > BUDGET) break;
    }
    count(this.box, "frame");
    this.box.dataset.beta = String(this.beta);
    this.goOn();
  }

  // draws again as long as a picture is old that nobody works at
  goOn() {
    const { all } = this.cells;
    this.box.dataset.waiting = String(all.some((cell) => cell.old || cell.busy));
    if (all.some((cell) => cell.old && !cell.busy)) this.draw();
  }

  feed() {
    const lead = this.lead();
    this.workers.feed(() => this.cells.pick(lead), this.beta);
  }

  workersChanged() {
    this.box.dataset.workers = String(this.workers.count);
    if (!this.alive) return;
    this.feed();
    this.goOn();
  }

  // ---------------------------------------------------------------- charts

  /** The figures at this β, or null where none were measured. */
  figures() {
    return this.data?.stops ? interpolate(this.data.stops, this.beta) : null;
  }

  drawAxes() {
    const { stops, others, palette } = this.data ?? {};
    this.marked = null;
    this.curve.clear();
    this.kl.clear();
    if (!stops || !others || !palette || !this.curve.box.clientWidth) return;
    this.curve.draw(stops, others, palette);
    this.kl.draw(stops, palette);
  }

  drawMarks() {
    const at = this.figures();
    const { points = null, colours = null } = this.arrays ?? {};
    if (this.map.parentElement) this.map.parentElement.hidden = !points;
    if (!at || !this.data?.stops) return;
    this.curve.point(at);
    this.kl.point(at);
    if (points) this.codes.draw(points, this.data.stops.betas.length, colours, at, this.data.palette);
  }
}

export default mounted(
  (root) => new BetaDial(root),
  (dial, /** @type {Component<DialData>} */ component) => dial.show(component.data, component),
);
