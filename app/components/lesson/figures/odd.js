// A row of images of which one is odd, with two scores of each.

import { count, make, press, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { pictures, row as rowOf, table } from "../arrays.js";

/** @import { Figure, Published, Tools } from "../types.js" */

/**
 * `row` images of each kind; places: where the odd one stands; scores: two rows a kind, named by titles.
 *
 * @typedef {{ kinds: string[], row: number, places: number[], titles: string[], pictures: Published,
 *   scores: Published }} OddData
 */

/** @param {HTMLElement} room @param {Tools<OddData>} tools @returns {Promise<Figure>} */
async function open(room, { data, did }) {
  const [images, scores] = await Promise.all([pictures(data.pictures), table(data.scores)]);
  let [kind, shown] = [0, false];
  const cells = Array.from({ length: data.row }, () => {
    const canvas = make("canvas", { role: "img" });
    const bars = data.titles.map((title) => {
      const bar = make("div", { className: "bar-of" }, make("div", {}));
      const text = make("span", { className: "numbers" });
      return { title, bar, text, box: make("div", {}, bar, text) };
    });
    return {
      canvas,
      bars,
      box: make("div", { className: "suspect" }, canvas, ...bars.map(({ box }) => box)),
    };
  });
  const buttons = data.kinds.map((name, k) => {
    const button = make("button", { type: "button", textContent: name });
    button.onclick = () => {
      kind = k;
      show();
      did();
    };
    return button;
  });
  const show = () => {
    for (const [k, button] of buttons.entries()) press(button, k === kind);
    for (const [i, { canvas, bars, box }] of cells.entries()) {
      putImage(canvas, images[kind * data.row + i]);
      const odd = i === data.places[kind];
      canvas.setAttribute(
        "aria-label",
        odd && shown ? `image ${i + 1}, ${data.kinds[kind]}` : `image ${i + 1}`,
      );
      box.classList.toggle("odd-one", odd && shown);
      for (const [s, { title, bar, text }] of bars.entries()) {
        const all = rowOf(scores, 2 * kind + s);
        const [low, high] = [Math.min(...all), Math.max(...all)];
        const share = s === 0 ? (all[i] - low) / Math.max(high - low, 1e-9) : all[i] / Math.max(high, 1e-12);
        const inner = bar.firstElementChild;
        if (inner instanceof HTMLElement) inner.style.width = shown ? `${100 * Math.max(0.02, share)}%` : "0";
        bar.classList.toggle("highest", shown && all[i] === high);
        const said = s === 0 ? Math.round(all[i]).toLocaleString("en") : all[i].toPrecision(2);
        text.textContent = shown ? `${title} ${said.replace("-", "−")}` : "";
      }
    }
    count(room, "frame");
  };
  room.append(
    make("div", { className: "suspects" }, ...cells.map(({ box }) => box)),
    make("div", { className: "kinds", role: "group", "aria-label": "how one is spoiled" }, ...buttons),
    make(
      "p",
      { className: "numbers" },
      "The first bar goes from the least of the row to the most, the second from 0.",
    ),
  );
  enlarge(room, images[0]);
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
