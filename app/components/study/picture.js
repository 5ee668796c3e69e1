// A sheet of pictures, cut to the first few of it or shown whole.

import { make } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";

/** @import { Picture } from "./types.js" */

/**
 * The box that `fill` shows a sheet in.
 *
 * @returns {HTMLElement}
 */
export const pictureBox = () =>
  make("div", { className: "sheet" }, make("img", { alt: "", decoding: "async" }));

/**
 * How many pictures of a sheet are shown: across and down.
 *
 * @param {Picture} picture
 * @param {boolean} whole
 * @returns {[number, number]}
 */
export function partOf({ across = 1, down = 1, one }, whole) {
  return whole || !one ? [across, down] : [Math.min(across, one[0]), Math.min(down, one[1])];
}

/**
 * Width over height of what is shown of a sheet.
 *
 * @param {Picture} picture
 * @param {boolean} whole
 */
export function ratioOf(picture, whole) {
  const { width, height, across = 1, down = 1 } = picture;
  const [columns, rows] = partOf(picture, whole);
  return (columns * (width / across)) / (rows * (height / down));
}

/**
 * Shows a sheet in its box; a picture that stands already is not fetched anew.
 *
 * @param {HTMLElement} box of `pictureBox`
 * @param {Picture} picture
 * @param {boolean} whole
 * @param {string} alt
 */
export function fill(box, picture, whole, alt) {
  const image = /** @type {HTMLImageElement} */ (box.firstElementChild);
  const { url, width, height, across = 1, down = 1 } = picture;
  const [columns] = partOf(picture, whole);
  box.style.aspectRatio = String(ratioOf(picture, whole));
  image.style.width = `${(100 * across) / columns}%`;
  enlarge(box, { width: width / across, height: height / down });
  image.alt = alt;
  if (image.getAttribute("src") !== url) image.src = url;
}
