// Pictures of one image side by side, at the stage where a slider stands.

import { count, make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { pictures } from "../arrays.js";
import { slider } from "../sliders.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Published, Tools } from "../types.js" */

/**
 * A picture and a line for each image, stop and column, in this order; the lines come with the answer.
 *
 * @typedef {{ slider: string, stops: string[], start: number, names: string[], columns: string[],
 *   pictures: Published, lines: string[] }} StagesData
 */

/** @param {HTMLElement} room @param {Tools<StagesData>} tools @returns {Promise<Figure>} */
async function open(room, { data, did }) {
  const images = await pictures(data.pictures);
  const { stops, columns, lines } = data;
  let [image, stop, shown] = [0, data.start, false];
  const first = () => (image * stops.length + stop) * columns.length;
  const boxes = columns.map((name) => framed(name));
  const show = () => {
    for (const [k, { canvas, line }] of boxes.entries()) {
      putImage(canvas, images[first() + k]);
      line.textContent = shown ? lines[first() + k] : "";
      canvas.setAttribute("aria-label", `${columns[k]}, ${data.slider} ${stops[stop]}`);
    }
    count(room, "frame");
  };
  const hand = slider(
    data.slider,
    { most: stops.length - 1, value: stop, text: (value) => stops[value] },
    (value) => {
      stop = value;
      show();
      did();
    },
  );
  const { row, mark } = thumbnails(
    data.names.map((_, i) => images[i * stops.length * columns.length]),
    data.names,
    (i) => {
      image = i;
      mark(i);
      show();
    },
  );
  room.append(
    make("div", { className: "stage" }, ...boxes.map(({ box }) => box)),
    make("div", { className: "hands" }, hand.box),
    row,
  );
  enlarge(room, images[0]);
  mark(0);
  show();
  return {
    unlock() {
      shown = true;
      show();
    },
    stop() {},
  };
}

export { open as make };
