// A row for each dimension: what its slider leads to, and the picture that all sliders make.

import { context2d, make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { fixed } from "../../shared/numbers.js";
import { apart, openGround, percent, redrawing } from "../ground.js";
import { slider } from "../sliders.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Tools } from "../types.js" */
/** @import { GroundData } from "../ground.js" */
/**
 * The ends of each dimension, and what it costs.
 *
 * @typedef {GroundData & { dims: number[], nats: number[], low: number[], high: number[] }} StripsData
 */

const FRAMES = 7;

/** @param {HTMLElement} room @param {Tools<StripsData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, say, did } = tools;
  const { dims, low, high } = data;
  const ground = await openGround(tools);
  const painter = redrawing(room, ground, say);
  const rows = redrawing(room, ground, say);
  const { width, height } = ground.header;
  const picture = framed("picture");
  let code = new Float32Array(ground.header.latent_dim);
  let start = code;
  const moved = new Set();
  const paint = () => painter.draw([code], ([made]) => putImage(picture.canvas, made));
  const lines = dims.map((d, k) => {
    const strip = make("canvas", { className: "strip", width: FRAMES * width, height });
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", `pictures along z${d}`);
    const said = make("span", { className: "numbers change" });
    const hand = slider(
      `z${d}`,
      { least: low[k], most: high[k], step: 0.001, value: 0, text: fixed },
      (value) => {
        code[d] = value;
        paint();
        moved.add(d);
        if (moved.size >= Math.min(3, dims.length)) did();
      },
    );
    const nats = make("span", { className: "numbers" }, `${data.nats[k].toFixed(2)} nats`);
    const line = make("div", { className: "dimension" }, make("div", {}, hand.box, nats, said), strip);
    return { line, strip, said, hand };
  });
  const fill = () => {
    const codes = dims.flatMap((d, k) =>
      Array.from({ length: FRAMES }, (_, i) => {
        const z = Float32Array.from(start);
        z[d] = low[k] + (i / (FRAMES - 1)) * (high[k] - low[k]);
        return z;
      }),
    );
    rows.draw(codes, (made) => {
      for (const [k, { strip, said }] of lines.entries()) {
        const frames = made.slice(k * FRAMES, (k + 1) * FRAMES);
        const pen = context2d(strip);
        for (const [i, frame] of frames.entries()) pen.putImageData(frame, i * width, 0);
        said.textContent = `ends differ by ${percent(apart(frames[0], frames[FRAMES - 1]) / data.spread)}`;
      }
    });
  };
  const choose = (/** @type {number} */ i) => {
    code = ground.code(i);
    start = Float32Array.from(code);
    for (const [k, { hand }] of lines.entries()) hand.set(code[dims[k]]);
    thumbs.mark(i);
    fill();
    paint();
  };
  const thumbs = thumbnails(ground.images, data.names, choose);
  const list = make("div", { className: "dimensions" }, ...lines.map(({ line }) => line));
  room.append(make("div", { className: "start" }, picture.box, thumbs.row), list);
  enlarge(room, ground.header);
  list.style.visibility = "hidden"; // how far each row leads answers the question
  choose(0);
  return {
    unlock: () => {
      list.style.visibility = "";
    },
    stop: () => {
      painter.stop();
      rows.stop();
    },
  };
}

export { open as make };
