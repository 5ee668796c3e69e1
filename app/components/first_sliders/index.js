// Home's small deck: a picture and a few sliders. The page decodes while the hand moves; no script runs.

import { finder, make } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";
import { mounted } from "../shared/mount.js";
import { openPicture } from "../shared/picture.js";
import { describe } from "../shared/requests.js";

/** @import { Component, Header } from "../shared/types.js" */
/** @import { Picture } from "../shared/picture.js" */
/** @typedef {{ dim: number, name: string, low: number, high: number }} Named a dimension's slider */
/** @typedef {{ run: string, header: Header, sliders: Named[], starts: number[][] }} FirstData */

class FirstSliders {
  /** @type {Picture | null} */
  picture = null;
  /** @type {FirstData | null} */
  data = null;
  /** @type {HTMLInputElement[]} */
  inputs = [];
  /** @type {number[]} */
  code = [];
  start = 0;
  alive = true;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.canvas = this.at("canvas", HTMLCanvasElement);
    this.at("[data-do=other]").onclick = () => this.begin(this.start + 1);
    this.at("[data-do=reset]").onclick = () => this.begin(this.start);
  }

  stop() {
    this.alive = false;
    this.picture?.close();
  }

  /** @param {FirstData} data */
  async show(data) {
    const before = this.data;
    this.data = data;
    if (before?.header.stamp === data.header.stamp) return;
    this.build(data.sliders);
    enlarge(this.at(".first_sliders"), data.header);
    this.at("[data-do=other]").hidden = data.starts.length < 2;
    const say = (/** @type {string} */ text) => {
      if (this.alive && this.data === data) this.at(".say").textContent = text;
    };
    try {
      const picture = await openPicture({ run: data.run, header: data.header, canvas: this.canvas, say });
      if (!this.alive || this.data?.header.stamp !== data.header.stamp) return picture.close();
      this.picture?.close();
      this.picture = picture;
      this.begin(0);
    } catch (error) {
      say(`This picture could not be decoded: ${describe(error).message}. Reload the page to try again.`);
    }
  }

  /** @param {Named[]} sliders */
  build(sliders) {
    this.inputs = sliders.map(({ dim, name, low, high }) => {
      const input = make("input", { type: "range", step: "0.001", min: low, max: high, "aria-label": name });
      input.oninput = () => {
        this.code = this.code.with(dim, Number(input.value));
        this.picture?.draw(this.code);
      };
      return input;
    });
    this.at(".sliders").replaceChildren(
      ...sliders.map(({ name }, i) => make("label", {}, make("span", {}, name), this.inputs[i])),
    );
  }

  /** @param {number} start which of the codes to begin at */
  begin(start) {
    if (!this.data || !this.picture) return;
    const { sliders, starts } = this.data;
    this.start = start % starts.length;
    this.code = starts[this.start];
    sliders.forEach(({ dim }, i) => {
      this.inputs[i].value = String(this.code[dim]);
    });
    this.picture.draw(this.code);
  }
}

export default mounted(
  (root) => new FirstSliders(root),
  (sliders, /** @type {Component<FirstData>} */ component) => sliders.show(component.data),
);
