// An attribute vector added to the codes of images that lack the attribute.

import { make, putImage } from "../../shared/dom.js";
import { enlarge } from "../../shared/enlarging.js";
import { fixed } from "../../shared/numbers.js";
import { pictures, row, table, whole } from "../arrays.js";
import { nearestRow } from "../draws.js";
import { openGround, redrawing } from "../ground.js";
import { slider } from "../sliders.js";

/** @import { Figure, Published, Tools } from "../types.js" */
/** @import { GroundData } from "../ground.js" */
/**
 * `moved` are the codes of the images `sent`; `all` those of all images, of which `belongs` says 0 for the
 * group without, 1 for the group with the attribute, -1 for neither.
 *
 * @typedef {GroundData & { moved: Published, sent: Published, direction: Published, all: Published,
 *   belongs: Published, groups: [string, string] }} ArrowData
 */

const ENOUGH = 0.95; // of the arrow counts as the whole

/** @param {HTMLElement} room @param {Tools<ArrowData>} tools @returns {Promise<Figure>} */
async function open(room, tools) {
  const { data, say, did } = tools;
  const [ground, moved, sent, direction, all, belongs] = await Promise.all([
    openGround(tools),
    table(data.moved),
    pictures(data.sent),
    table(data.direction),
    table(data.all),
    whole(data.belongs),
  ]);
  const painter = redrawing(room, ground, say);
  let strength = 0;
  const cells = sent.map((image, i) => {
    const before = make("canvas", { role: "img", "aria-label": `image ${i + 1}` });
    const after = make("canvas", { role: "img", "aria-label": `image ${i + 1} with the arrow` });
    const said = make("figcaption", {});
    putImage(before, image);
    return { box: make("figure", {}, before, after, said), after, said };
  });
  const counted = make("p", { className: "counted" });
  const show = () => {
    const codes = cells.map((_, i) =>
      Float32Array.from(row(moved, i), (v, d) => v + strength * direction.values[d]),
    );
    painter.draw(codes, (made) => {
      const near = codes.map((z) => belongs[nearestRow(all, z)]);
      for (const [i, { after, said }] of cells.entries()) {
        putImage(after, made[i]);
        said.textContent = near[i] < 0 ? "neither" : data.groups[near[i]];
        said.classList.toggle("there", near[i] === 1);
      }
      const there = near.filter((group) => group === 1).length;
      counted.textContent = `${there} of ${near.length} lie nearest to an image that is ${data.groups[1]}`;
    });
  };
  const hand = slider("× arrow", { least: -1, most: 2, step: 0.01, value: 0, text: fixed }, (value) => {
    strength = value;
    show();
    if (strength >= ENOUGH) did();
  });
  room.append(
    make("div", { className: "moved" }, ...cells.map(({ box }) => box)),
    make("div", { className: "hands" }, counted, hand.box),
  );
  enlarge(room, ground.header);
  show();
  return { unlock: () => {}, stop: () => painter.stop() };
}

export { open as make };
