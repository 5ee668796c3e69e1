import { fetchArray } from "../shared/requests.js";

/** @import { DialArrays, DialData } from "./types.js" */

/**
 * The arrays that a page published for a dial.
 *
 * @param {DialData} data
 * @returns {Promise<DialArrays>}
 */
export async function readArrays({ images, noise, points, colours }) {
  const [readImages, readNoise, readPoints, readColours] = await Promise.all([
    images && fetchArray(images, Uint8Array),
    fetchArray(noise, Float32Array),
    points && fetchArray(points, Float32Array),
    colours && fetchArray(colours, Uint8Array),
  ]);
  return {
    images: readImages || null,
    noise: readNoise,
    points: readPoints || null,
    colours: readColours || null,
  };
}
