// A network as a silhouette: as wide at each layer as the layer holds numbers. And a code as bars.

import { make, makeSvg } from "../shared/dom.js";

/** @import { Palette } from "../shared/types.js" */
/** @typedef {{ part: string, shape: number[], count: number }} Size */

const SPARE = 46; // pixels beneath for numbers
const ABOVE = 22; // and above for names
const SLANT = 44; // a layer has so many pixels, or its number is turned
const UNKNOWN = 0.35; // of the height, before sizes are shown

export class Network {
  scaled = true;
  open = false;

  /** @param {HTMLElement} room @param {Size[]} sizes @param {Palette} palette */
  constructor(room, sizes, palette) {
    this.sizes = sizes;
    this.palette = palette;
    this.box = make("div", { className: "silhouette", role: "img" });
    this.box.setAttribute(
      "aria-label",
      `numbers at each layer: ${sizes.map(({ part, count }) => `${part} ${count}`).join(", ")}`,
    );
    room.append(this.box);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.box);
  }

  stop() {
    this.watch.disconnect();
  }

  /** @param {number} count @param {number} most */
  share(count, most) {
    if (!this.open) return UNKNOWN;
    return this.scaled ? count / most : Math.log2(1 + count) / Math.log2(1 + most);
  }

  draw() {
    const { box, sizes, palette } = this;
    const [width, height] = [box.clientWidth, box.clientHeight];
    if (!width || height < 2 * SPARE) return;
    const most = Math.max(...sizes.map(({ count }) => count));
    const each = width / sizes.length;
    const middle = ABOVE + (height - SPARE - ABOVE) / 2;
    const spots = sizes.map(({ count, part, shape }, i) => ({
      count,
      part,
      shape,
      x: each * (i + 0.5),
      half: Math.max(1, this.share(count, most) * (middle - ABOVE)),
    }));
    const neck = sizes.findIndex(({ part }) => part === "code");
    const side = (/** @type {number} */ from, /** @type {number} */ to, /** @type {string} */ colour) => {
      const part = spots.slice(from, to);
      const upper = part.map(({ x, half }) => `${x},${middle - half}`);
      const lower = part.map(({ x, half }) => `${x},${middle + half}`).reverse();
      return makeSvg("polygon", {
        points: [...upper, ...lower].join(" "),
        fill: colour,
        "fill-opacity": 0.3,
      });
    };
    const [first, second] = palette.categorical;
    const turned = each < SLANT;
    box.replaceChildren(
      makeSvg(
        "svg",
        { width, height, viewBox: `0 0 ${width} ${height}` },
        side(0, neck + 1, first),
        side(neck, sizes.length, second),
        ...spots.flatMap(({ x, half, count, part, shape }, i) => {
          const colour = part === "code" ? palette.mark : i < neck ? first : second;
          const bar = makeSvg(
            "line",
            { x1: x, x2: x, y1: middle - half, y2: middle + half, stroke: colour, "stroke-width": 4 },
            makeSvg("title", {}, `${part}: ${shape.join(" × ")}`),
          );
          const y = height - SPARE + 14;
          /** @type {Record<string, string | number>} */
          const where = turned
            ? { x: 0, y: 0, transform: `translate(${x + 4} ${y - 8}) rotate(90)` }
            : { x, y, "text-anchor": "middle" };
          const label = makeSvg(
            "text",
            { ...where, class: "size" },
            this.open ? count.toLocaleString("en") : "?",
          );
          return [bar, label];
        }),
        ...this.names(spots, neck),
      ),
    );
  }

  /** @param {{ x: number }[]} spots @param {number} neck */
  names(spots, neck) {
    const middle = (/** @type {number} */ a, /** @type {number} */ b) => (spots[a].x + spots[b].x) / 2;
    const said = [
      { x: middle(1, neck - 1), text: "encoder" },
      { x: spots[neck].x, text: "code" },
      { x: middle(neck + 1, spots.length - 2), text: "decoder" },
    ];
    return said.map(({ x, text }) =>
      makeSvg("text", { x, y: 14, "text-anchor": "middle", class: "part" }, text),
    );
  }
}

/**
 * A code as bars to either side of 0; those left out are pale.
 *
 * @param {ArrayLike<number>} code
 * @param {Palette} palette
 * @param {Set<number>} [without]
 */
export function codeBars(code, palette, without = new Set()) {
  const values = Array.from(code);
  const reach = Math.max(3, ...values.map(Math.abs));
  const [wide, high] = [12, 60];
  const said = values.map((v, d) => `z${d} ${v.toFixed(2)}`).join(", ");
  return makeSvg(
    "svg",
    {
      viewBox: `0 0 ${wide * values.length} ${high}`,
      class: "codebars",
      role: "img",
      "aria-label": `code: ${said}`,
    },
    makeSvg("line", { x1: 0, x2: wide * values.length, y1: high / 2, y2: high / 2, class: "zero" }),
    ...values.map((v, d) =>
      makeSvg(
        "rect",
        {
          x: wide * d + 2,
          width: wide - 4,
          y: high / 2 - Math.max(0, (v / reach) * 29),
          height: Math.max(1, (Math.abs(v) / reach) * 29),
          fill: without.has(d) ? palette.faded : palette.mark,
        },
        makeSvg("title", {}, `z${d} = ${v.toFixed(2)}`),
      ),
    ),
  );
}
