// A slider over results that are there already. Pictures, chart and table follow the hand; no script runs.

import { findAll, finder, make } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";
import { mounted } from "../shared/mount.js";
import { drawChart } from "./chart.js";

/** @import { Component } from "../shared/types.js" */
/** @import { PictureRow, ScrubData } from "./types.js" */

const WIDEST = 6; // times a picture is enlarged at the most
const LEAST = 96; // pixels a picture may be wide whatever its side

class Scrub {
  /** @type {ScrubData | null} */
  data = null;
  /** @type {((stop: number) => void) | null} moves the chart's cursor */
  point = null;
  shown = "";

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.input = this.at("input", HTMLInputElement);
    this.input.oninput = () => this.go(Number(this.input.value));
  }

  stop() {
    this.data = null;
  }

  /** @param {ScrubData} data */
  show(data) {
    const shown = JSON.stringify(data);
    if (shown === this.shown) return; // the hand stays where it is
    const other = data.name !== this.data?.name;
    this.shown = shown;
    this.data = data;
    this.input.max = String(data.labels.length - 1);
    const stop = other ? data.start : Math.min(Number(this.input.value), data.labels.length - 1);
    this.input.value = String(stop);
    this.at("label").textContent = data.title;
    this.input.setAttribute("aria-label", data.title);
    this.at(".pictures").replaceChildren(...data.rows.map((row) => this.row(row)));
    const side = this.at(".side");
    side.hidden = !data.chart && !data.table;
    this.at(".body").classList.toggle("only", side.hidden || !data.rows.length);
    const svg = this.at("svg", SVGSVGElement);
    svg.toggleAttribute("hidden", !data.chart);
    this.at(".legend").hidden = !data.chart;
    this.point = data.chart ? drawChart(svg, this.at(".legend"), data.chart, data.palette) : null;
    this.at("table").hidden = !data.table;
    this.go(stop);
  }

  /** @param {PictureRow} row */
  row({ name, ours, frames, count, side, notes }) {
    const words = make("div", { className: "name" }, name);
    if (notes.length) words.append(make("span", { className: "note" }));
    const image = make("img", { alt: name, src: frames[0] ?? "" });
    image.style.maxWidth = `${count * Math.max(LEAST, side * WIDEST)}px`;
    const found = make("div", { className: ours ? "row ours" : "row" }, words);
    enlarge(found, { width: side, height: side });
    if (frames.length) found.append(image);
    return found;
  }

  /** @param {number} stop */
  go(stop) {
    const { data } = this;
    if (!data) return;
    this.at("output").textContent = data.labels[stop] ?? "";
    this.input.setAttribute("aria-valuetext", data.labels[stop] ?? "");
    const rows = findAll(this.at(".pictures"), ".row");
    for (const [i, { frames, notes }] of data.rows.entries()) {
      const image = rows[i].querySelector("img");
      if (image && frames.length > 1) image.src = frames[stop];
      const note = rows[i].querySelector(".note");
      if (note) note.textContent = notes[stop] ?? "";
    }
    this.point?.(stop);
    if (data.table) {
      const { columns, rows: tables } = data.table;
      const head = make("tr", {}, ...columns.map((text) => make("th", { scope: "col" }, text)));
      const body = tables[stop].map((cells) => make("tr", {}, ...cells.map((text) => make("td", {}, text))));
      this.at("table").replaceChildren(head, ...body);
    }
    this.at(".scrub").dataset.stop = String(stop);
  }
}

export default mounted(
  (root) => new Scrub(root),
  (scrub, /** @type {Component<ScrubData>} */ component) => scrub.show(component.data),
);
