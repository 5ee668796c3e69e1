// A slider with its name and its value.

import { make } from "../shared/dom.js";

/**
 * @param {string} name
 * @param {{ least?: number, most: number, step?: number | "any", value: number,
 *   text?: (value: number) => string }} range `text` is how a value is written
 * @param {(value: number) => void} moved hears of each value that the hand gives
 */
export function slider(name, { least = 0, most, step = 1, value, text = String }, moved) {
  const input = make("input", {
    type: "range",
    min: String(least),
    max: String(most),
    step: String(step),
    value: String(value),
  });
  const output = make("output", {}, text(value));
  /** @param {number} to */
  const set = (to) => {
    input.value = String(to);
    output.textContent = text(to);
    input.setAttribute("aria-valuetext", text(to));
  };
  input.oninput = () => {
    set(Number(input.value));
    moved(Number(input.value));
  };
  input.setAttribute("aria-valuetext", text(value));
  return { box: make("label", {}, make("span", {}, name), input, output), input, set };
}
