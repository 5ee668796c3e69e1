// From one image to another, along two ways at once.

import { make, press, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { slerp } from "../../shared/latent.js";
import { fixed } from "../../shared/numbers.js";
import { apart, openGround, percent, redrawing } from "../ground.js";
import { slider } from "../sliders.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Tools } from "../types.js" */
/** @import { GroundData } from "../ground.js" */
/**
 * "arc": a line and an arc, with lengths and percentiles. "fade": a line, and pixels blended, with what is
 * nearest to each.
 *
 * @typedef {GroundData & { mode: "arc" | "fade" }} PathData
 */

const FRAMES = 9;
const MIDDLE = 0.03; // of 1/2 counts as the middle

/** @param {ImageData} a @param {ImageData} b @param {number} t */
function blend(a, b, t) {
  const found = new ImageData(a.width, a.height);
  for (let i = 0; i < a.data.length; i++) found.data[i] = (1 - t) * a.data[i] + t * b.data[i];
  return found;
}

/** @param {HTMLElement} room @param {Tools<PathData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, say, did } = tools;
  const ground = await openGround(tools);
  const [still, quick] = [redrawing(room, ground, say), redrawing(room, ground, say)];
  const fade = data.mode === "fade";
  const ways = ["line", fade ? "pixels blended" : "arc"].map((name) => {
    const now = framed(name);
    const frames = Array.from({ length: FRAMES }, () =>
      make("canvas", { role: "img", "aria-label": `${name}: a step` }),
    );
    const strip = make("div", { className: "frames" }, ...frames);
    return { now, frames, box: make("div", { className: "way-of" }, now.box, strip) };
  });
  let ends = [0, Math.min(1, ground.images.length - 1)];
  let turn = 1; // which end the next image is put at
  let t = 0;
  const line = (/** @type {number} */ s) => {
    const [a, b] = ends.map(ground.code);
    return a.map((v, d) => (1 - s) * v + s * b[d]);
  };
  const arc = (/** @type {number} */ s) => slerp([...ground.code(ends[0])], [...ground.code(ends[1])], s);
  const steps = Array.from({ length: FRAMES }, (_, i) => i / (FRAMES - 1));
  const faded = (/** @type {number} */ s) => blend(ground.images[ends[0]], ground.images[ends[1]], s);
  const about = (/** @type {ArrayLike<number>} */ z) =>
    [
      `|z| ${fixed(Math.hypot(...Array.from(z)))}`,
      `percentile ${ground.percentile(z).toFixed(0)}`,
      `nearest code ${fixed(ground.nearest(z).far)} away`,
    ].join(" · ");
  const real = (/** @type {ImageData} */ image) => {
    const nearest = ground.known.reduce(
      (least, one) => Math.min(least, apart(image, one)),
      Number.POSITIVE_INFINITY,
    );
    return `nearest real image: ${percent(nearest / data.spread)} of what two images differ by`;
  };
  const move = () => {
    const codes = fade ? [line(t)] : [line(t), arc(t)];
    const at = t;
    quick.draw(codes, (made) => {
      const shown = fade ? [made[0], faded(at)] : made;
      for (const [k, { now }] of ways.entries()) {
        putImage(now.canvas, shown[k]);
        now.line.textContent = fade ? real(shown[k]) : about(codes[k]);
      }
    });
  };
  const fill = () => {
    thumbs.mark(ends[0]);
    const second = thumbs.row.children[ends[1]];
    if (second instanceof HTMLElement) press(second, true);
    const codes = fade ? steps.map(line) : [...steps.map(line), ...steps.map(arc)];
    still.draw(codes, (made) => {
      const blended = fade ? steps.map(faded) : made.slice(FRAMES);
      for (const [i, frame] of ways[0].frames.entries()) putImage(frame, made[i]);
      for (const [i, frame] of ways[1].frames.entries()) putImage(frame, blended[i]);
    });
    move();
  };
  const thumbs = thumbnails(ground.images, data.names, (i) => {
    ends[turn] = i;
    turn = 1 - turn;
    fill();
  });
  const hand = slider("t", { most: 1, step: 0.01, value: 0, text: fixed }, (value) => {
    t = value;
    move();
    if (Math.abs(t - 0.5) < MIDDLE) did();
  });
  const body = make("div", { className: "ways" }, ...ways.map(({ box }) => box));
  room.append(body, make("div", { className: "hands" }, hand.box, thumbs.row));
  enlarge(room, ground.header);
  ends = [...ends];
  fill();
  return {
    unlock: () => {},
    stop: () => {
      still.stop();
      quick.stop();
    },
  };
}

export { open as make };
