// A row of images to choose from.

import { make, press, putImage } from "../shared/dom.js";

/**
 * @param {ImageData[]} images
 * @param {string[]} names
 * @param {(i: number) => void} choose hears which is pressed
 * @returns {{ row: HTMLElement, mark: (i: number) => void }} `mark` shows which is chosen, -1 for none
 */
export function thumbnails(images, names, choose) {
  const row = make("div", { className: "thumbs", role: "group", "aria-label": "images" });
  const buttons = images.map((image, i) => {
    const thumb = make("canvas", {});
    putImage(thumb, image);
    const about = { type: "button", title: names[i], "aria-label": `image: ${names[i]}` };
    const button = make("button", about, thumb);
    button.onclick = () => choose(i);
    return button;
  });
  row.append(...buttons);
  return {
    row,
    mark: (i) => {
      for (const [k, button] of buttons.entries()) press(button, k === i);
    },
  };
}

/**
 * A picture with its name and a line that changes.
 *
 * @param {string} name
 */
export function framed(name) {
  const canvas = make("canvas", { role: "img", "aria-label": name });
  const line = make("span", { className: "numbers" });
  return {
    canvas,
    line,
    box: make("figure", {}, make("figcaption", {}, name), canvas, line),
  };
}
