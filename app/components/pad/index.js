// A pad on which a digit is drawn. One instance per place on the page; a rerun of the script only hands it
// new data.

import { context2d, finder } from "../shared/dom.js";
import { DrawingPad } from "../shared/drawing_pad.js";
import { mounted } from "../shared/mount.js";
import { openPicture } from "../shared/picture.js";
import { describe, WeightsRenewal } from "../shared/requests.js";

/** @import { Drawing } from "../shared/drawing_pad.js" */
/** @import { Picture } from "../shared/picture.js" */
/** @import { Component, Header, Page } from "../shared/types.js" */
/** @typedef {{ run: string, header: Header, place: number }} PadData */

class PadComponent {
  /** @type {PadData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {number | null} the place of the row that what was drawn since the last report is meant for */
  meant = null;
  /** @type {Drawing | null} */
  found = null;
  /** @type {DrawingPad | null} */
  pad = null;
  /** @type {Picture | null} */
  picture = null;
  renewal = new WeightsRenewal();
  alive = true;
  turn = 0; // counts openings, of which the newest stands

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.sheet = this.at(".sheet", HTMLCanvasElement);
    this.seen = this.at(".seen", HTMLCanvasElement);
    this.back = this.at(".back", HTMLCanvasElement);
    this.sheet.addEventListener("pointerdown", () => {
      this.meant = this.data?.place ?? null;
    });
    this.at("button").onclick = () => this.clear();
  }

  stop() {
    this.alive = false;
    this.renewal.stop();
    this.pad?.close();
    this.picture?.close();
  }

  /** @param {PadData} data @param {Page} page */
  show(data, page) {
    const before = this.data;
    this.data = data;
    this.page = page;
    if (before && before.run !== data.run) this.clear();
    if (before?.run !== data.run || before.header.stamp !== data.header.stamp) this.open(data);
  }

  /** A drawing that was taken up stays where it went, so that nothing is owed to the page any more. */
  clear() {
    this.meant = null;
    this.found = null;
    this.pad?.clear();
    context2d(this.back).clearRect(0, 0, this.back.width, this.back.height);
    this.say("");
  }

  /** @param {string} text */
  say(text) {
    this.at(".say").textContent = text;
  }

  /** @param {PadData} data */
  async open({ run, header }) {
    this.picture?.close();
    this.picture = null;
    const turn = ++this.turn;
    this.pad ??= new DrawingPad({
      canvas: this.sheet,
      seen: this.seen,
      weights: () => ({ run: this.data?.run ?? run, stamp: this.stamp() }),
      answered: (found) => {
        this.say("");
        this.found = found;
        this.draw();
      },
      rested: (found) => this.report(found),
      refused: (error) => this.refused(error),
    });
    try {
      const say = (/** @type {string} */ text) => this.say(text);
      const picture = await openPicture({ run, header, canvas: this.back, say });
      if (!this.alive || turn !== this.turn) return picture.close();
      this.picture = picture;
      picture.onrefused = (error) => this.refused(error);
      this.say("");
      // of other weights than these: what was drawn is encoded anew
      if (this.meant !== null || (this.found && this.found.stamp !== header.stamp)) this.pad.encode();
      else this.draw();
    } catch (error) {
      if (this.alive && turn === this.turn) this.refused(error);
    }
  }

  stamp() {
    return this.data?.header.stamp ?? "";
  }

  /** Shows the code of what was drawn, decoded. */
  draw() {
    if (this.found?.stamp === this.stamp()) this.picture?.draw(Float32Array.from(this.found.mean));
  }

  /** @param {Drawing} found */
  report({ run, stamp, mean, width, height, channels, picture }) {
    if (this.meant === null) return;
    const place = this.meant;
    this.page?.setTriggerValue("drawn", { run, stamp, place, code: mean, width, height, channels, picture });
    this.meant = null;
  }

  /** @param {unknown} error */
  refused(error) {
    const { status, message } = describe(error);
    if (status === 404) this.say("This run was deleted. Choose another one in the sidebar.");
    else if (status === 410 && this.page) this.renewal.ask(this.page, () => this.stamp());
    else this.say(`The drawing could not be encoded: ${message}.`);
  }
}

export default mounted(
  (root) => new PadComponent(root),
  (pad, /** @type {Component<PadData>} */ component) => pad.show(component.data, component),
);
