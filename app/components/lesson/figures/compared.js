// One image and what several networks redraw of it.

import { count, make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { pictures } from "../arrays.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/**
 * @typedef {{ names: string[], pictures: Published,
 *   columns: { name: string, pictures: Published, lost: number[] }[] }} ComparedData
 */

/** @param {HTMLElement} room @param {Tools<ComparedData>} tools @returns {Promise<Figure>} */
async function open(room, { data, did }) {
  const [images, ...redrawn] = await Promise.all(
    [data.pictures, ...data.columns.map((column) => column.pictures)].map(pictures),
  );
  const sent = framed("image");
  const columns = data.columns.map(({ name }) => framed(name));
  const way = make("div", { className: "columns" }, sent.box, ...columns.map(({ box }) => box));
  const choose = (/** @type {number} */ i) => {
    putImage(sent.canvas, images[i]);
    for (const [k, { canvas, line }] of columns.entries()) {
      putImage(canvas, redrawn[k][i]);
      line.textContent = `lost ${(100 * data.columns[k].lost[i]).toFixed(0)} %`;
    }
    thumbs.mark(i);
    count(room, "frame");
  };
  const thumbs = thumbnails(images, data.names, (i) => {
    choose(i);
    did();
  });
  room.append(way, thumbs.row);
  enlarge(room, images[0]);
  way.hidden = true; // what it shows answers the question
  choose(0);
  return {
    unlock: () => {
      way.hidden = false;
    },
    stop: () => {},
  };
}

export { open as make };
