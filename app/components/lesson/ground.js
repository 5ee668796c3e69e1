// What the figures of walks share: images to start from, a decoder, and what tells how usual a code is.

import { openDecoder } from "../shared/decoder.js";
import { count, make } from "../shared/dom.js";
import { describe } from "../shared/requests.js";
import { mahalanobis, percentileOf } from "../shared/usual.js";
import { pictures, row, table } from "./arrays.js";
import { nearestRow } from "./draws.js";

/** @import { Code } from "../shared/types.js" */
/** @import { Published, Tools } from "./types.js" */

/**
 * Images to choose from and their codes; images that pictures are compared with; `spread` is the mean squared
 * difference of a pixel between two images; the middle, scale and quantiles of all codes.
 *
 * @typedef {{ role: string, names: string[], pictures: Published, codes: Published, spread: number,
 *   known: { codes: Published, pictures: Published },
 *   usual: { mean: number[], whiten: number[][], quantiles: number[] } }} GroundData
 */

/** @param {Tools<GroundData>} tools */
export async function openGround({ data, runs }) {
  const { run, header } = runs[data.role];
  const [images, codes, known, knownCodes, decoder] = await Promise.all([
    pictures(data.pictures),
    table(data.codes),
    pictures(data.known.pictures),
    table(data.known.codes),
    openDecoder(run, header),
  ]);
  return {
    images,
    codes,
    known,
    decoder,
    header,
    /** @param {number} i of the images to choose from */
    code: (i) => Float32Array.from(row(codes, i)),
    /** @param {ArrayLike<number>} z */
    percentile: (z) => percentileOf(data.usual.quantiles, mahalanobis(data.usual, z)),
    /** The known image whose code is nearest. @param {ArrayLike<number>} z */
    nearest: (z) => {
      const i = nearestRow(knownCodes, z);
      const far = Math.sqrt(row(knownCodes, i).reduce((sum, v, d) => sum + (v - z[d]) ** 2, 0));
      return { i, far, image: known[i] };
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openGround>>} Ground */

/**
 * Mean squared difference of a pixel between two pictures in [0, 1].
 *
 * @param {ImageData} a
 * @param {ImageData} b
 */
export function apart(a, b) {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) if (i % 4 < 3) sum += (a.data[i] - b.data[i]) ** 2;
  return sum / (255 ** 2 * 0.75 * a.data.length);
}

/**
 * Decodes what is wanted newest, one request at a time.
 *
 * @param {HTMLElement} room counts what was drawn
 * @param {Ground} ground
 * @param {(text: string) => void} say
 */
export function redrawing(room, ground, say) {
  let [alive, busy] = [true, false];
  /** @type {{ codes: Code[], show: (made: ImageData[]) => void } | null} */
  let wanted = null;
  return {
    /** @param {Code[]} codes @param {(made: ImageData[]) => void} show */
    async draw(codes, show) {
      wanted = { codes, show };
      if (busy) return;
      busy = true;
      try {
        while (wanted && alive) {
          const now = wanted;
          wanted = null;
          const made = await ground.decoder.images(now.codes);
          if (!alive) return;
          now.show(made);
          count(room, "frame");
        }
        say("");
      } catch (error) {
        say(`These codes could not be decoded: ${describe(error).message}.`);
      } finally {
        busy = false;
      }
    },
    stop: () => {
      alive = false;
    },
  };
}

/**
 * A named slider with its value.
 *
 * @param {string} name
 * @param {{ low: number, high: number, step?: number, value: number }} range
 * @param {(value: number) => void} moved
 */
export function slider(name, { low, high, step = 0.01, value }, moved) {
  const input = make("input", { type: "range", min: String(low), max: String(high), step: String(step) });
  const shown = make("output", {});
  const write = () => {
    shown.textContent = fixed(Number(input.value));
  };
  input.value = String(value);
  write();
  input.oninput = () => {
    write();
    moved(Number(input.value));
  };
  return {
    box: make("label", {}, make("span", {}, name), input, shown),
    /** @param {number} to */
    set: (to) => {
      input.value = String(to);
      write();
    },
  };
}

/** @param {number} value @param {number} [digits] */
export const fixed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
