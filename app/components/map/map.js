import { finder } from "../shared/dom.js";
import { describe } from "../shared/requests.js";
import { Choice } from "./choice.js";
import { coloursOf, tonesOf, toRgb } from "./colours.js";
import { extentOf, Grid } from "./grid.js";
import { legendOf } from "./legend.js";
import { Plane } from "./plane.js";
import { Pointer } from "./pointer.js";
import { ArrayReader } from "./reading.js";
import { frameAt, Replay } from "./replay.js";
import { Scene } from "./scene.js";
import { Tiles } from "./tiles.js";
import { Tip, wordsOf } from "./tip.js";
import { wireTools } from "./tools.js";
import { View } from "./view.js";

/** @import { Page } from "../shared/types.js" */
/** @import { Points } from "./points.js" */
/** @import { MapArrays, MapData, Rgb } from "./types.js" */

const REACH = 12; // CSS pixels from a dot that still point at it
const MOST_LOST = 4; // times in a row that the page is told of points the server has forgotten
const LOST_WAIT = 800; // milliseconds until it is asked again

export class LatentMap {
  /** @type {MapData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {MapArrays | null} */
  arrays = null;
  reader = new ArrayReader();
  /** @type {Points | null} what is drawn, in the order of its grid */
  points = null;
  /** @type {Float32Array} where the points are now: of a replay, at its place */
  places = new Float32Array(0);
  /** @type {Rgb[]} of each tone */
  colours = [];
  /** @type {Set<number>} classes */
  hidden = new Set();
  choice = new Choice(this);
  view = new View();
  scale = 1; // pixels to a CSS pixel
  hover = -1; // row
  planeChosen = false; // by a hand, whether it is shown
  alive = true;
  turn = 0; // counts what the page handed over, of which the newest stands
  lost = 0;
  drawing = 0;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.at = finder(root);
    this.plot = this.at(".plot");
    this.surface = this.at(".surface", HTMLCanvasElement);
    this.back = this.at(".back", HTMLCanvasElement);
    this.tip = new Tip(root);
    this.scene = new Scene(this, root);
    this.plane = new Plane(this.back, (text) => this.say(text));
    this.tiles = new Tiles({
      came: () => this.draw(),
      say: (text) => this.say(text || this.scene.hint),
      forgotten: (faults) => this.page?.setTriggerValue("lost", faults),
    });
    this.replay = new Replay(root, (at) => {
      this.showFrame(at);
      this.paint();
    });
    this.pointer = new Pointer(this);
    this.unwire = wireTools(this);
  }

  stop() {
    this.alive = false;
    this.plane.stop();
    this.tiles.stop();
    this.replay.play(false);
    this.pointer.stop();
    cancelAnimationFrame(this.drawing);
    this.unwire();
  }

  /** Whether there are points. */
  get ready() {
    return this.points !== null;
  }

  /** @param {string} text */
  say(text) {
    this.at(".say").textContent = text;
  }

  // ---------------------------------------------------------------- what the page hands over

  /**
   * Everything is read before anything is taken over, so that what is on the screen is of one piece
   * throughout, also where newer data comes while older is still under way.
   *
   * @param {MapData} data
   */
  async show(data) {
    const turn = ++this.turn;
    const late = () => !this.alive || turn !== this.turn;
    if (!this.data) this.say("Reading the points…");
    let arrays;
    try {
      arrays = await this.reader.read(data);
    } catch (error) {
      if (!late()) this.failed(error, data, late);
      return;
    }
    if (late()) return;
    this.lost = 0;
    this.say(this.scene.hint);
    this.take(data, arrays);
  }

  /** @param {unknown} error @param {MapData} data @param {() => boolean} late */
  failed(error, data, late) {
    const { status, message } = describe(error);
    if (status === 410 && ++this.lost < MOST_LOST) {
      // forgotten by the server: a rerun of the script publishes it anew
      this.page?.setTriggerValue("lost", this.lost);
      setTimeout(() => {
        if (!late()) this.show(data);
      }, LOST_WAIT);
    } else this.say(`The map could not be read: ${message}. Reload the page to try again.`);
  }

  /** @param {MapData} data @param {MapArrays} arrays */
  take(data, arrays) {
    const before = this.data;
    const same = before?.points === data.points && before.frames?.points === data.frames?.points;
    const others = before?.numbers !== data.numbers;
    this.data = data;
    this.arrays = arrays;
    this.colours = coloursOf(data.colour, data.palette);
    Object.assign(this.at(".title"), { textContent: data.title, title: data.title });
    if (before?.colour.title !== data.colour.title) this.hidden.clear();
    if (others) {
      this.choice.forget();
      this.hover = -1;
      this.tip.hide();
    }
    this.tiles.take(data, others || before.order !== data.order ? arrays.order : null);
    this.choice.take(data);
    this.replay.take(data.frames, before?.frames?.points !== data.frames?.points);
    if (!same) {
      if (arrays.frames) this.showFrame(this.replay.at);
      else this.place(arrays.points);
      this.fitTo(arrays.frames ?? arrays.points);
    } else this.colour();
    this.writeLegend();
    this.offer(data, before);
    this.draw();
    this.drawPlane();
  }

  /**
   * Shows the switches of what there is.
   *
   * @param {MapData} data
   * @param {MapData | null} before
   */
  offer(data, before) {
    const names = data.colour.kind === "classes";
    const there = { ellipses: data.ellipses, contours: data.prior, plane: data.plane, names };
    for (const [name, found] of Object.entries(there)) this.at(`.${name}`).hidden = !found;
    if (before?.points !== data.points && data.prior) this.toggle("contours").checked = true;
    if (before?.plane?.key !== data.plane?.key) this.plane.forget();
    // where the plane is the whole space it is shown unless a hand chose otherwise
    if (!this.planeChosen) this.toggle("plane").checked = Boolean(data.plane?.whole);
  }

  /** @param {"ellipses" | "contours" | "plane" | "names"} name */
  toggle(name) {
    return this.at(`.${name} input`, HTMLInputElement);
  }

  /** @param {Float32Array} places of the points */
  place(places) {
    this.places = places;
    this.colour(new Grid(places));
  }

  /** @param {number} at between the frames */
  showFrame(at) {
    const { data, arrays } = this;
    if (!data?.frames || !arrays?.frames) return;
    this.place(frameAt(arrays.frames, 2 * data.count, Math.min(at, data.frames.words.length - 1)));
    this.replay.write();
  }

  /**
   * Colours and selection of the points, in the order of their grid.
   *
   * @param {Grid} [anew]
   */
  colour(anew) {
    const { data, arrays, colours } = this;
    const { rows } = this.choice;
    const grid = anew ?? this.points?.grid;
    if (!data || !arrays || !grid) return;
    const { colour, palette } = data;
    const shown = new Uint8Array(256).fill(1);
    if (colour.kind === "classes") for (const k of this.hidden) shown[k] = 0;
    this.points = {
      grid,
      shown,
      tones: tonesOf(colour, arrays.values ?? [], grid.row),
      marked: rows && inOrder(rows, grid.row),
      colours,
      none: toRgb(palette.none),
    };
    this.describe();
  }

  describe() {
    const { rows } = this.choice;
    const selected = rows ? `${rows.reduce((a, b) => a + b, 0)} selected` : "none selected";
    const keys = "Arrows move, plus and minus zoom, 0 fits, Enter chooses the nearest to the middle.";
    const count = this.data?.count ?? 0;
    const images = `${count.toLocaleString("en")} ${count === 1 ? "image" : "images"}`;
    this.surface.setAttribute("aria-description", `${images}; ${selected}. ${keys}`);
  }

  writeLegend() {
    const { data, arrays, points, hidden } = this;
    if (!data || !arrays || !points) return;
    const look = { colours: points.colours, palette: data.palette, hidden, root: this.root };
    const entries = legendOf(data.colour, arrays.values ?? [], look, () => {
      this.colour();
      this.draw();
    });
    const legend = this.at(".legend");
    legend.className = `legend ${data.colour.kind}`;
    legend.replaceChildren(...entries);
  }

  // ---------------------------------------------------------------- moving

  /** @param {Float32Array} points all of which are to be in view, and all marks */
  fitTo(points) {
    const extent = extentOf(points);
    for (const { x, y } of this.data?.marks ?? []) {
      extent.x0 = Math.min(extent.x0, x);
      extent.x1 = Math.max(extent.x1, x);
      extent.y0 = Math.min(extent.y0, y);
      extent.y1 = Math.max(extent.y1, y);
    }
    this.view.fit(extent);
    this.draw();
    this.drawPlane();
  }

  fit() {
    this.view.fit();
    this.draw();
    this.drawPlane();
  }

  /** @param {number} by @param {number} px @param {number} py CSS pixels of what stays */
  zoom(by, px, py) {
    this.view.zoom(by, px, py);
    this.draw();
    this.drawPlane();
  }

  /** @param {number} dx @param {number} dy CSS pixels */
  pan(dx, dy) {
    this.view.pan(dx, dy);
    this.draw();
    this.drawPlane();
  }

  /** Takes up the plot's size. What was fitted stays fitted, what was zoomed into stays in the middle. */
  resize() {
    const { clientWidth, clientHeight } = this.plot;
    if (!this.plot.getBoundingClientRect().width) return;
    const first = !this.view.width;
    this.scale = Math.min(2, devicePixelRatio || 1);
    this.view.width = Math.floor(clientWidth);
    this.view.height = Math.floor(clientHeight);
    for (const canvas of [this.surface, this.scene.over, this.back]) {
      canvas.width = Math.round(this.view.width * this.scale);
      canvas.height = Math.round(this.view.height * this.scale);
    }
    if (first || this.view.fitted) this.view.fit();
    if (!this.data) return;
    this.paint();
    this.drawPlane();
  }

  // ---------------------------------------------------------------- drawing

  draw() {
    this.drawing ||= requestAnimationFrame(() => {
      this.drawing = 0;
      this.paint();
    });
  }

  paint() {
    this.scene.paint();
  }

  drawOverlay() {
    this.scene.drawOverlay();
  }

  drawPlane() {
    const { data, view, scale } = this;
    if (!data) return;
    if (data.plane && !data.frames && this.toggle("plane").checked) this.plane.draw(data, view, scale);
    else this.plane.clear();
  }

  /**
   * Where a point lies on the screen.
   *
   * @param {number} row
   * @returns {[number, number]} CSS pixels
   */
  onScreen(row) {
    return [this.view.across(this.places[2 * row]), this.view.down(this.places[2 * row + 1])];
  }

  // ---------------------------------------------------------------- pointing and choosing

  /**
   * The row of the nearest dot that is shown, or -1.
   *
   * @param {number} px
   * @param {number} py
   * @param {number} [reach]
   */
  nearest(px, py, reach = REACH) {
    if (!this.points) return -1;
    const { grid, shown, tones } = this.points;
    const [x, y] = this.view.spot(px, py);
    return grid.nearest(x, y, reach / this.view.k, (at) => shown[tones[at]] === 1);
  }

  /** @param {number} px @param {number} py */
  point(px, py) {
    const { data, arrays } = this;
    if (!data || !arrays) return;
    const row = this.nearest(px, py);
    this.plot.classList.toggle("pointing", row >= 0);
    if (row !== this.hover) {
      this.hover = row;
      this.drawOverlay();
      this.choice.sharePoint(row < 0 ? -1 : arrays.numbers[row]);
      if (row < 0) return this.tip.hide();
      const number = arrays.numbers[row];
      const words = wordsOf(data, arrays.values?.[row] ?? 0, arrays.labelled?.[row]);
      this.tip.show(row, number, `${data.pair}/${number}.png`, words);
    }
    if (row >= 0) this.tip.put(px, py, this.view);
  }

  /** @param {number} px @param {number} py */
  click(px, py) {
    const { data, arrays } = this;
    if (!data || !arrays) return;
    const row = this.nearest(px, py, REACH + 4);
    if (row >= 0) {
      data.chosen = row;
      this.drawOverlay();
      this.page?.setTriggerValue("point", arrays.numbers[row]);
      return;
    }
    const spot = this.view.spot(px, py);
    this.pointer.unlessTwice(() => {
      if (!this.alive) return;
      data.spot = spot;
      this.drawOverlay();
      this.page?.setTriggerValue("spot", spot);
    });
  }

  clickNearestToMiddle() {
    const row = this.nearest(...this.view.middle, Math.max(this.view.width, this.view.height));
    if (row >= 0) this.click(...this.onScreen(row));
  }
}

/**
 * Values by row, in the order of a grid.
 *
 * @param {Uint8Array} values
 * @param {Int32Array} row
 */
function inOrder(values, row) {
  const found = new Uint8Array(row.length);
  for (let at = 0; at < row.length; at++) found[at] = values[row[at]];
  return found;
}
