import { make } from "../shared/dom.js";
import { valueText } from "../shared/numbers.js";
import { withWords } from "../shared/words.js";
import { NO_TONE, toCss } from "./colours.js";

/** @import { Palette } from "../shared/types.js" */
/** @import { Colour, Rgb } from "./types.js" */

/**
 * What the colours mean; of classes, buttons that show or hide them.
 *
 * @param {Colour} colour
 * @param {ArrayLike<number>} values
 * @param {object} look
 * @param {Rgb[]} look.colours by tone
 * @param {Palette} look.palette
 * @param {Set<number>} look.hidden classes, which the buttons change
 * @param {ParentNode} look.root of the component, which explains words
 * @param {() => void} toggled
 * @returns {(Node | string)[]}
 */
export function legendOf(colour, values, { colours, palette, hidden, root }, toggled) {
  if (colour.kind === "none") return [];
  const title = make("b", {}, ...withWords(colour.title, root));
  if (colour.kind === "numbers") {
    const scale = make("span", { className: "scale" });
    scale.style.background = `linear-gradient(to right, ${palette.viridis.join(", ")})`;
    const ends = make("span", {}, ...withWords("1st to 99th percentile", root));
    const said = (/** @type {number} */ v) => valueText(v, colour.words, colour.digits);
    return [title, said(colour.low), scale, said(colour.high), ends];
  }
  const used = new Uint8Array(256);
  for (let i = 0; i < values.length; i++) used[values[i]] = 1;
  const entry = (/** @type {number} */ k, /** @type {string} */ name) => {
    const swatch = make("i");
    swatch.style.background = toCss(colours[k]);
    const pressed = { "aria-pressed": String(!hidden.has(k)) };
    const button = make("button", { type: "button", ...pressed, title: "Show or hide" }, swatch, name);
    button.onclick = () => {
      if (hidden.has(k)) hidden.delete(k);
      else hidden.add(k);
      button.setAttribute("aria-pressed", String(!hidden.has(k)));
      toggled();
    };
    return button;
  };
  const entries = colour.names.flatMap((name, k) => (used[k] ? [entry(k, name)] : []));
  return [title, ...entries, ...(used[NO_TONE] ? [entry(NO_TONE, "none")] : [])];
}
