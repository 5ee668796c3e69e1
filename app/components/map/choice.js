// Which images are selected on a map, and how maps of the same images follow each other.

import { isInside, packRows, unpackRows } from "./selection.js";

/** @import { LatentMap } from "./map.js" */
/** @import { Box, MapData } from "./types.js" */

/** Events by which maps tell each other what is selected and pointed at. */
export const SELECTED = "latent-explorer-selected";
export const POINTED = "latent-explorer-pointed";

export class Choice {
  /** @type {Uint8Array | null} by row: 1 where selected; null where nothing is */
  rows = null;
  /** @type {string | undefined} the same as text, as the page and this map know it */
  #packed;
  /** @type {Map<number, number> | null} rows by number of the image */
  #rowOf = null;

  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
  }

  /** Other images: nothing is selected among them. */
  forget() {
    this.rows = this.#rowOf = null;
    this.#packed = undefined;
  }

  /**
   * Takes up what the page says is selected, where that is news.
   *
   * @param {MapData} data
   */
  take({ selected, count }) {
    if (selected === undefined || selected === this.#packed) return;
    this.#packed = selected;
    this.rows = unpackRows(selected, count);
  }

  /**
   * What lies inside becomes the selection; with Shift it is added, with Alt taken away.
   *
   * @param {[number, number][]} polygon in CSS pixels
   * @param {{ shiftKey: boolean, altKey: boolean }} keys
   */
  select(polygon, { shiftKey, altKey }) {
    const { data, points, view } = this.map;
    if (!data || !points) return;
    const { grid, shown, tones } = points;
    const corners = polygon.map(([x, y]) => view.spot(x, y));
    const xs = corners.map(([x]) => x);
    const ys = corners.map(([, y]) => y);
    /** @type {Box} */
    const box = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const inside = new Uint8Array(data.count);
    if (this.rows && (shiftKey || altKey)) inside.set(this.rows);
    const value = altKey ? 0 : 1;
    for (const [from, to] of grid.runs(box)) {
      for (let at = from; at < to; at++) {
        const hit = shown[tones[at]] && isInside(grid.xs[at], grid.ys[at], corners);
        if (hit) inside[grid.row[at]] = value;
      }
    }
    this.choose(inside.includes(1) ? inside : null);
  }

  /**
   * Selects rows, and tells the page and other maps of it.
   *
   * @param {Uint8Array | null} rows
   */
  choose(rows) {
    const { data, arrays, page } = this.map;
    this.#set(rows);
    page?.setTriggerValue("selection", { bits: this.#packed, of: data?.numbers });
    const numbers = rows && arrays ? arrays.numbers.filter((_, row) => rows[row]) : null;
    this.#share(SELECTED, { numbers });
  }

  /**
   * Tells other maps what is pointed at.
   *
   * @param {number} number of the image, or -1
   */
  sharePoint(number) {
    this.#share(POINTED, { number });
  }

  /**
   * Another map tells of what is selected or pointed at there.
   *
   * @param {Event} event
   */
  heard(event) {
    const { map } = this;
    if (!(event instanceof CustomEvent) || !map.ready || !map.arrays) return;
    const { link, from, numbers, number } = event.detail;
    if (from === map || link !== map.data?.link) return;
    const all = map.arrays.numbers;
    this.#rowOf ??= new Map(Array.from(all, (n, row) => [n, row]));
    if (event.type === POINTED) {
      map.hover = this.#rowOf.get(number) ?? -1;
      map.drawOverlay();
      return;
    }
    if (!numbers) return this.#set(null);
    const rows = new Uint8Array(all.length);
    for (const n of numbers) {
      const row = this.#rowOf.get(n);
      if (row !== undefined) rows[row] = 1;
    }
    this.#set(rows);
  }

  /** @param {Uint8Array | null} rows */
  #set(rows) {
    this.rows = rows;
    this.#packed = rows ? packRows(rows) : "";
    this.map.colour();
    this.map.draw();
  }

  /** @param {string} what @param {Record<string, unknown>} detail */
  #share(what, detail) {
    const link = this.map.data?.link;
    if (link) dispatchEvent(new CustomEvent(what, { detail: { ...detail, link, from: this.map } }));
  }
}
