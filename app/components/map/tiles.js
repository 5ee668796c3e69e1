import { pause } from "../shared/dom.js";
import { enlargeOn } from "../shared/enlarging.js";
import { describe, get } from "../shared/requests.js";
import { toCss } from "./colours.js";
import { Room } from "./room.js";
import { MARGIN } from "./view.js";

/** @import { MapData } from "./types.js" */
/** @import { Points } from "./points.js" */
/** @import { View } from "./view.js" */

const MOST_TILES = 160; // kept
const TOGETHER = 2; // asked for at a time
const MOST_FAULTS = 8; // in a row, after which none is asked for again
const BUSY = 200; // milliseconds until a busy server is asked again
const FIRST_WAIT = 500; // milliseconds after a fault, twice as many after each further one
const ACROSS = 8; // images along a tile's side
const GAP = 3; // CSS pixels between two images

/** Images of the points, which come in tiles of neighbours. */
export class Tiles {
  /** @type {Map<number, ImageBitmap | "failed">} by number, the newest last */
  #tiles = new Map();
  /** @type {number[]} */
  #wanted = [];
  /** @type {Int32Array} rows along the tiles: of the first ones some lie everywhere */
  #order = new Int32Array(0);
  /** @type {{ row: Int32Array, at: Int32Array }} of each row, its place in the order of a grid */
  #inGrid = { row: new Int32Array(0), at: new Int32Array(0) };
  #using = 0; // tiles in what was drawn last
  #perTile = 1;
  #atlas = "";
  #asking = 0;
  #faults = 0;
  #open = true;

  /**
   * @param {object} hears
   * @param {() => void} hears.came there is more to draw
   * @param {(text: string) => void} hears.say what went wrong, and "" when it is well again
   * @param {(faults: number) => void} hears.forgotten the server knows these images no more
   */
  constructor(hears) {
    this.hears = hears;
  }

  stop() {
    this.#open = false;
  }

  /** @param {MapData} data @param {Int32Array | null} order rows along the tiles, where that is news */
  take({ atlas, tile }, order) {
    if (atlas !== this.#atlas) {
      this.#tiles.clear();
      this.#wanted = [];
      this.#faults = 0;
    }
    this.#atlas = atlas;
    this.#perTile = tile;
    if (order) this.#order = order;
  }

  /** @param {Int32Array} row of each point in the order of a grid */
  #placesIn(row) {
    if (this.#inGrid.row !== row) {
      const at = new Int32Array(row.length);
      for (let i = 0; i < row.length; i++) at[row[i]] = i;
      this.#inGrid = { row, at };
    }
    return this.#inGrid.at;
  }

  /**
   * Draws as many images as fit without covering each other, the others stay dots. Those that come first are
   * the same at every place of the view, so that few change while it moves.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Points} points
   * @param {View} view
   * @param {number} scale pixels to a CSS pixel
   * @param {number} inView points in view
   * @returns {number} how many were drawn
   */
  draw(context, { grid, tones, shown, marked, colours }, view, scale, inView) {
    const { xs, ys } = grid;
    const places = this.#placesIn(grid.row);
    const order = this.#order;
    const side = Math.min(56, Math.max(26, Math.round(30 * Math.sqrt(600 / Math.max(60, inView)))));
    const { left, right, top, bottom } = MARGIN;
    const room = new Room(view.width, view.height, side + GAP);
    /** @type {Set<number>} */
    const wanted = new Set();
    const used = new Set();
    let drawn = 0;
    context.save();
    context.beginPath();
    const width = (view.width - left - right) * scale;
    context.rect(left * scale, top * scale, width, (view.height - top - bottom) * scale);
    context.clip();
    for (let place = 0; place < order.length; place++) {
      const at = places[order[place]];
      const x = view.across(xs[at]);
      if (x < left || x > view.width - right) continue;
      const y = view.down(ys[at]);
      if (y < top || y > view.height - bottom) continue;
      if (!shown[tones[at]] || (marked && !marked[at]) || !room.take(x, y)) continue;
      const number = Math.floor(place / this.#perTile);
      const tile = this.#tiles.get(number);
      used.add(number);
      if (!tile) wanted.add(number);
      if (!tile || tile === "failed") continue;
      this.#tiles.delete(number);
      this.#tiles.set(number, tile);
      const frame = {
        x: (x - side / 2) * scale,
        y: (y - side / 2) * scale,
        side: side * scale,
        edge: scale,
      };
      if (!drawn) enlargeOn(context, { width: tile.width / ACROSS, height: tile.width / ACROSS });
      context.fillStyle = toCss(colours[tones[at]]);
      drawImage(context, tile, place % this.#perTile, frame);
      drawn++;
    }
    context.restore();
    this.#using = used.size;
    this.#wanted = [...wanted];
    this.#fetch();
    return drawn;
  }

  #fetch() {
    while (this.#asking < TOGETHER && this.#wanted.length && this.#open) {
      const number = this.#wanted.shift() ?? 0;
      if (!this.#tiles.has(number)) this.#fetchOne(number);
    }
  }

  /** @param {number} number */
  async #fetchOne(number) {
    const atlas = this.#atlas;
    const stale = () => !this.#open || atlas !== this.#atlas;
    this.#tiles.set(number, "failed");
    this.#asking++;
    try {
      const answer = await get(`${atlas}-${number}.png`);
      const tile = await createImageBitmap(await answer.blob());
      if (stale()) return;
      this.#tiles.set(number, tile);
      if (this.#faults) {
        this.#faults = 0;
        this.hears.say("");
      }
      for (const old of this.#tiles.keys()) {
        if (this.#tiles.size <= Math.max(MOST_TILES, 2 * this.#using)) break;
        this.#tiles.delete(old);
      }
    } catch (error) {
      const { status, message } = describe(error);
      if (status === 429) {
        await pause(BUSY);
        if (!stale()) this.#tiles.delete(number);
      } else if (!stale()) this.#failed(number, status, message, stale);
    } finally {
      this.#asking--;
      if (this.#open) this.hears.came();
    }
  }

  /**
   * @param {number} number
   * @param {number | undefined} status
   * @param {string} message
   * @param {() => boolean} stale
   */
  #failed(number, status, message, stale) {
    const again = ++this.#faults <= MOST_FAULTS;
    const hope = again ? " Trying again…" : "";
    this.hears.say(`Some images could not be read: ${message || "the server does not answer"}.${hope}`);
    if (status === 410) this.hears.forgotten(this.#faults);
    if (!again) return;
    const wait = FIRST_WAIT * 2 ** Math.min(4, this.#faults);
    setTimeout(() => {
      if (stale()) return;
      this.#tiles.delete(number);
      this.hears.came();
    }, wait);
  }
}

/**
 * @param {CanvasRenderingContext2D} context whose fill is the frame's colour
 * @param {ImageBitmap} tile
 * @param {number} k which image of the tile
 * @param {{ x: number, y: number, side: number, edge: number }} frame in pixels
 */
function drawImage(context, tile, k, { x, y, side, edge }) {
  const one = tile.width / ACROSS;
  context.fillRect(x - edge, y - edge, side + 2 * edge, side + 2 * edge);
  const column = k % ACROSS;
  const row = Math.floor(k / ACROSS);
  context.drawImage(tile, column * one, row * one, one, one, x, y, side, side);
}
