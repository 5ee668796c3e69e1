// The card of one trial: how it stands, its values, numbers and pictures, and what may be asked of it.

import { make } from "../shared/dom.js";
import { stateWords } from "./choosing.js";
import { PICTURES } from "./model.js";
import { fill, pictureBox } from "./picture.js";

/** @import { Model } from "./model.js" */
/** @import { Trial, View } from "./types.js" */

const ORDER = ["originals", ...PICTURES];

/** @implements {View} */
export class Card {
  written = "";

  /**
   * @param {HTMLElement} box
   * @param {Model} model
   * @param {(what: string, trial: Trial) => void} ask
   */
  constructor(box, model, ask) {
    this.box = box;
    this.model = model;
    this.ask = ask;
    /** @type {Map<string, HTMLElement>} */
    this.sheets = new Map(ORDER.map((kind) => [kind, pictureBox()]));
  }

  draw() {
    this.written = "";
    this.write();
  }

  point() {
    this.write();
  }

  mark() {
    this.write();
  }

  write() {
    const { model, box } = this;
    const trial = model.trials[model.shown];
    const written = `${model.shown} ${model.chosen}`;
    if (written === this.written) return;
    this.written = written;
    if (!trial) return this.empty();
    const best = trial.number === model.data.best ? " · the best" : trial.front ? " · on the front" : "";
    const title = make("h3", { title: trial.title }, trial.title);
    const state = make("p", { className: "state" }, `trial ${trial.number}${best} · ${stateWords(trial)}`);
    const values = model.axes.flatMap((axis) => {
      const value = axis.of(trial);
      if (value === null) return [];
      const text = `${axis.text(value)}${axis.unit && !axis.field ? ` ${axis.unit}` : ""}`;
      return [pair(axis.title, text)];
    });
    const figures = ORDER.flatMap((kind) => {
      const picture = trial.pictures[kind];
      const sheet = this.sheets.get(kind);
      if (!picture || !sheet) return [];
      fill(sheet, picture, true, `${kind} of ${trial.title}`);
      return [make("figure", {}, make("figcaption", {}, kind), sheet)];
    });
    const lock = model.chosen >= 0 ? "Chosen: Esc lets go." : "A click keeps a trial here.";
    box.dataset.trial = String(trial.number);
    box.replaceChildren(
      title,
      state,
      make("div", { className: "asks" }, ...this.buttons(trial)),
      make("dl", {}, ...values, pair("seed", String(trial.seed))),
      make("div", { className: "figures" }, ...figures),
      make("p", { className: "lock" }, lock),
    );
  }

  /** The card keeps its room, or the chart over it would be drawn anew. */
  empty() {
    this.box.dataset.trial = "";
    this.box.replaceChildren(
      make("p", { className: "lock" }, "Point at a trial to see its values and pictures."),
    );
  }

  /** @param {Trial} trial */
  buttons(trial) {
    return Object.entries(this.model.data.asks).flatMap(([what, words]) => {
      if (!trial.run && what !== "around") return [];
      const button = make("button", { type: "button", textContent: words });
      button.dataset.ask = what;
      button.onclick = () => this.ask(what, trial);
      return [button];
    });
  }
}

/** A name and its value, which stay in one line. @param {string} name @param {string} value */
function pair(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}
