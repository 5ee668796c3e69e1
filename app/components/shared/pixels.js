// Between bytes, floats and ImageData. Pictures are channels-last throughout.

/** @import { PictureSize } from "./types.js" */

/**
 * uint8 channels-last pixels -> ImageData.
 *
 * @param {Uint8Array} bytes
 * @param {PictureSize} size
 */
export function toImage(bytes, { width, height, channels }) {
  const image = new ImageData(width, height);
  const out = image.data;
  for (let p = 0, i = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) out[4 * p + c] = bytes[channels === 1 ? i : i + c];
    i += channels;
    out[4 * p + 3] = 255;
  }
  return image;
}
