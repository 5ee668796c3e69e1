// A picture of any code, with what tells whether it may be believed: its percentile and the nearest image.

import { make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { fixed } from "../../shared/numbers.js";
import { normals } from "../draws.js";
import { apart, openGround, percent, redrawing } from "../ground.js";
import { slider } from "../sliders.js";
import { framed, thumbnails } from "../thumbs.js";

/** @import { Figure, Tools } from "../types.js" */
/** @import { GroundData } from "../ground.js" */
/**
 * "draw": codes of the prior, `scale` times as far out. "image": an image's code, moved away from the middle.
 *
 * @typedef {GroundData & { mode: "draw" | "image", scale: number }} UsualData
 */

/** @param {HTMLElement} room @param {Tools<UsualData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, say, did } = tools;
  const ground = await openGround(tools);
  const painter = redrawing(room, ground, say);
  const picture = framed("picture");
  const near = framed("image with the nearest code");
  const drawn = data.mode === "draw";
  let scale = data.scale;
  let code = ground.code(0);
  let own = !drawn; // whether it is an image's code, moved from the middle of all
  const at = () => {
    const { mean } = data.usual;
    return own ? code.map((v, d) => mean[d] + scale * (v - mean[d])) : code.map((v) => scale * v);
  };
  const show = () => {
    const z = at();
    painter.draw([z], ([made]) => {
      const { far, image } = ground.nearest(z);
      putImage(picture.canvas, made);
      putImage(near.canvas, image);
      picture.line.textContent = `percentile ${ground.percentile(z).toFixed(0)}`;
      const differs = percent(apart(made, image) / data.spread);
      near.line.textContent = `${fixed(far)} away as codes, ${differs} as pictures`;
    });
  };
  const random = () => {
    own = false;
    [code] = normals(1, ground.header.latent_dim);
    thumbs.mark(-1);
    show();
  };
  const hand = slider("× as far", { most: 5, step: 0.01, value: scale, text: fixed }, (value) => {
    scale = value;
    show();
  });
  const button = make("button", { type: "button", textContent: "Draw a code" });
  button.onclick = () => {
    random();
    did();
  };
  const thumbs = thumbnails(ground.images, data.names, (i) => {
    own = true;
    code = ground.code(i);
    thumbs.mark(i);
    show();
  });
  room.append(
    make("div", { className: "columns two" }, picture.box, near.box),
    make("div", { className: "hands" }, button, hand.box, thumbs.row),
  );
  enlarge(room, ground.header);
  room.classList.toggle("locked", drawn); // what is drawn far out answers the question
  if (drawn) random();
  else {
    thumbs.mark(0);
    show();
  }
  return { unlock: () => room.classList.remove("locked"), stop: () => painter.stop() };
}

export { open as make };
