// What a prediction of one pixel costs on average under each likelihood, and the picture of the cheapest
// predictions.

import { count, make, makeSvg, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { pictures, row, table } from "../arrays.js";
import { slider } from "../sliders.js";
import { framed } from "../thumbs.js";

/** @import { Figure, Published, Tools } from "../types.js" */

/**
 * costs: two rows a likelihood, of a pixel that is 0 and of one that is 1, by prediction. sharp: of the
 * pictures.
 *
 * @typedef {{ names: string[], predictions: Published, costs: Published, pictures: Published,
 *   sharp: number[] }} PriceData
 */

const [WIDTH, HEIGHT, MARGIN] = [200, 120, 18];

/** @param {HTMLElement} room @param {Tools<PriceData>} tools @returns {Promise<Figure>} */
async function open(room, { data, palette, did }) {
  const [predictions, costs, images] = await Promise.all([
    table(data.predictions),
    table(data.costs),
    pictures(data.pictures),
  ]);
  const xs = row(predictions, 0);
  const x = (/** @type {number} */ p) => MARGIN + p * (WIDTH - 2 * MARGIN);
  const columns = data.names.map((name, i) => {
    const line = makeSvg("path", { fill: "none", stroke: palette.categorical[i], "stroke-width": 2 });
    const dot = makeSvg("circle", { r: 5, fill: palette.mark });
    const label = (/** @type {string} */ text, /** @type {number} */ at) =>
      makeSvg("text", { x: at, y: HEIGHT - 2, "text-anchor": "middle" }, text);
    const plot = makeSvg(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `mean cost under ${name}` },
      makeSvg("path", { d: `M${MARGIN},${HEIGHT - MARGIN}H${WIDTH - MARGIN}`, class: "axis" }),
      label("0", x(0)),
      label("prediction", x(0.5)),
      label("1", x(1)),
      line,
      dot,
    );
    const best = make("p", { className: "numbers" });
    const picture = framed("cheapest picture");
    putImage(picture.canvas, images[i]);
    picture.line.textContent = "";
    return {
      line,
      dot,
      best,
      picture,
      box: make("div", { className: "price-of" }, make("h3", {}, name), plot, best, picture.box),
    };
  });
  const show = (/** @type {number} */ share) => {
    columns.forEach(({ line, dot, best }, i) => {
      const [dark, bright] = [row(costs, 2 * i), row(costs, 2 * i + 1)];
      const mean = Array.from(dark, (nats, p) => (1 - share) * nats + share * bright[p]);
      const [low, high] = [Math.min(...mean), Math.max(...mean)];
      const flat = high - low < 1e-4;
      const y = (/** @type {number} */ nats) =>
        flat ? HEIGHT / 2 : HEIGHT - MARGIN - 8 - ((nats - low) / (high - low)) * (HEIGHT - MARGIN - 20);
      line.setAttribute(
        "d",
        `M${mean.map((nats, p) => `${x(xs[p]).toFixed(1)},${y(nats).toFixed(1)}`).join("L")}`,
      );
      const least = mean.indexOf(low);
      dot.setAttribute("cx", String(x(xs[least])));
      dot.setAttribute("cy", String(y(low)));
      dot.setAttribute("visibility", flat ? "hidden" : "visible");
      const nats = low.toFixed(2).replace("-", "−");
      best.textContent = flat
        ? `any prediction costs ${nats} nats`
        : `least at ${xs[least].toFixed(2)}: ${nats} nats`;
    });
    count(room, "frame");
  };
  const hand = slider(
    "bright in",
    { most: 1, step: 0.01, value: 0.5, text: (value) => value.toFixed(2) },
    (value) => {
      show(value);
      did();
    },
  );
  room.append(
    make("div", { className: "prices" }, ...columns.map(({ box }) => box)),
    make(
      "div",
      { className: "hands" },
      hand.box,
      make(
        "p",
        { className: "numbers" },
        "A share of the images has the pixel bright (1), the rest dark (0).",
      ),
    ),
  );
  enlarge(room, images[0]);
  show(0.5);
  return {
    unlock() {
      for (const [i, { picture }] of columns.entries())
        picture.line.textContent = `sharpness ${data.sharp[i].toFixed(2)}`;
    },
    stop() {},
  };
}

export { open as make };
