// What a hand moves beside a figure: buttons and sliders in a column.

import { make, press } from "../shared/dom.js";
import { fixed } from "../shared/numbers.js";
import { slider } from "./sliders.js";

export class Hands {
  /** @param {HTMLElement} room */
  constructor(room) {
    this.box = make("div", { className: "hands" });
    this.row = make("div", { className: "buttons" });
    this.box.append(this.row);
    room.append(this.box);
  }

  /** @param {string} text @param {() => void} act @param {string} [className] */
  button(text, act, className = "") {
    const button = make("button", { type: "button", textContent: text, className });
    button.onclick = act;
    this.row.append(button);
    return button;
  }

  /**
   * A button that stays pressed.
   *
   * @param {string} text
   * @param {boolean} on
   * @param {(on: boolean) => void} act
   */
  toggle(text, on, act) {
    const button = this.button(text, () => {
      const now = button.getAttribute("aria-pressed") !== "true";
      press(button, now);
      act(now);
    });
    press(button, on);
    return button;
  }

  /**
   * @param {object} given
   * @param {string} given.name
   * @param {[number, number]} given.range
   * @param {number} given.value
   * @param {(value: number) => string} [given.text]
   * @param {(value: number) => void} given.act
   * @returns {(value: number) => void} puts it elsewhere
   */
  slider({ name, range: [low, high], value, text = (v) => fixed(v), act }) {
    const { box, set } = slider(name, { least: low, most: high, step: "any", value, text }, act);
    this.box.append(box);
    return set;
  }
}
