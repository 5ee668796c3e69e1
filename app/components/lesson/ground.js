// What the figures of walks share: images to start from, a decoder, and what tells how usual a code is.

import { openDecoder } from "../shared/decoder.js";
import { mahalanobis, nearestCode, percentileOf } from "../shared/usual.js";
import { pictures, row, table } from "./arrays.js";
import { newest } from "./newest.js";

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
      const found = nearestCode({ points: knownCodes.values, count: knownCodes.rows }, z);
      return { i: found.row, far: found.distance, image: known[found.row] };
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
  /** @type {{ codes: Code[], show: (made: ImageData[]) => void }} */
  let wanted = { codes: [], show: () => {} };
  const loop = newest(room, say, async (open) => {
    const { codes, show } = wanted;
    const made = await ground.decoder.images(codes);
    if (open()) show(made);
  });
  return {
    /** @param {Code[]} codes @param {(made: ImageData[]) => void} show */
    draw(codes, show) {
      wanted = { codes, show };
      return loop.ask();
    },
    stop: loop.stop,
  };
}

/** @param {number} share */
export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
