// The mean of the images whose codes lie nearest to one: how soft it gets with each image that comes in.

import { count, make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { pictures, row, table } from "../arrays.js";
import { slider } from "../sliders.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Published, Tools } from "../types.js" */

/**
 * Of each image in `names`, its `nearest` images, itself first, and the sharpness of the mean of the first 1,
 * 2, ... of them.
 *
 * @typedef {{ names: string[], nearest: number, pictures: Published, sharp: Published }} BlendData
 */

/**
 * The mean of pictures of one size.
 *
 * @param {ImageData[]} images
 */
export function meanOf(images) {
  const { width, height } = images[0];
  const sums = new Float64Array(4 * width * height);
  for (const { data } of images) for (let i = 0; i < sums.length; i++) sums[i] += data[i];
  return new ImageData(
    Uint8ClampedArray.from(sums, (sum) => sum / images.length),
    width,
    height,
  );
}

/** @param {HTMLElement} room @param {Tools<BlendData>} tools @returns {Promise<Figure>} */
async function open(room, { data, did }) {
  const [images, sharp] = await Promise.all([pictures(data.pictures), table(data.sharp)]);
  const k = data.nearest;
  let [at, some] = [0, 1];
  const mean = framed("their mean");
  const alone = framed("the image alone");
  const used = make("div", { className: "used", role: "img" });
  const cells = Array.from({ length: k }, () => make("canvas", {}));
  used.append(...cells);
  const hand = slider("averaged", { least: 1, most: k, value: 1 }, (value) => {
    some = value;
    show();
    if (value > 1) did();
  });
  const { row: choice, mark } = thumbnails(
    data.names.map((_, i) => images[i * k]),
    data.names,
    (i) => {
      at = i;
      show();
    },
  );
  const pair = make("div", { className: "large" }, alone.box, mean.box);
  room.append(pair, make("div", { className: "hands" }, hand.box), used, choice);
  enlarge(room, images[0]);
  const show = () => {
    const mine = images.slice(at * k, (at + 1) * k);
    putImage(alone.canvas, mine[0]);
    putImage(mean.canvas, meanOf(mine.slice(0, some)));
    for (const [i, cell] of cells.entries()) {
      putImage(cell, mine[i]);
      cell.classList.toggle("out", i >= some);
    }
    used.setAttribute("aria-label", `${some} of the ${k} images nearest to ${data.names[at]}`);
    alone.line.textContent = "sharpness 1";
    mean.line.textContent = `sharpness ${row(sharp, at)[some - 1].toFixed(2)}`;
    mark(at);
    count(room, "frame");
  };
  show();
  return { unlock() {}, stop() {} };
}

export { open as make };
