import { fetchArray } from "../shared/requests.js";

/** @import { MapArrays, MapData } from "./types.js" */

/** Reads the arrays of a map. An address names its content, so what is known is not read again. */
export class ArrayReader {
  /** @type {Map<string, Promise<any>>} by address, of the newest reading */
  #known = new Map();

  /**
   * @param {MapData} data
   * @returns {Promise<MapArrays>}
   */
  async read({ points, numbers, order, frames, colour, ellipses, labels }) {
    const former = this.#known;
    const known = (this.#known = new Map());
    /**
     * @template Kind
     * @param {string} url
     * @param {new (buffer: ArrayBuffer) => Kind} Kind
     * @returns {Promise<Kind>}
     */
    const array = (url, Kind) => {
      const found = known.get(url) ?? former.get(url) ?? fetchArray(url, Kind);
      known.set(url, found);
      found.catch(() => {
        if (known.get(url) === found) known.delete(url);
      });
      return found;
    };
    const valuesOf = (/** @type {string} */ url) =>
      colour.kind === "classes" ? array(url, Uint8Array) : array(url, Float32Array);
    const asked = /** @type {const} */ ([
      array(points, Float32Array),
      array(numbers, Int32Array),
      array(order, Int32Array),
      frames ? array(frames.points, Float32Array) : null,
      colour.values ? valuesOf(colour.values) : null,
      ellipses ? array(ellipses, Float32Array) : null,
      labels ? array(labels.values, Uint8Array) : null,
    ]);
    const found = await Promise.all(asked);
    return {
      points: found[0],
      numbers: found[1],
      order: found[2],
      frames: found[3],
      values: found[4],
      deviations: found[5],
      labelled: found[6],
    };
  }
}
