// The β cursor of a sweep. One instance per place on the page; a rerun of the script only hands it new data.

import { count, finder, make } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { withWords } from "../shared/words.js";
import { indexAt, placeOf, styleOf } from "./marks.js";

/** @import { Component, Page } from "../shared/types.js" */
/** @import { ClickEvent, CursorData, Mark, PlotlyChart } from "./types.js" */

const REST = 400; // milliseconds without a move until the page is told
const ROOM = 8; // ticks beyond which a narrow page shows every other one
const DRAWN = ["plotly_afterplot", "plotly_relayouting"];

class BetaCursor {
  /** @type {CursorData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {Map<string, Mark>} */
  marks = new Map();
  index = 0;
  touched = false; // by a hand, since the page last said where to go
  looking = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resting;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.at = finder(root);
    this.box = this.at(".beta_cursor");
    this.input = this.at("input", HTMLInputElement);
    this.input.oninput = () => this.move(Number(this.input.value));
    this.wanted = (/** @type {Event} */ event) => {
      if (!(event instanceof CustomEvent) || !this.data) return;
      const index = this.data.labels.indexOf(event.detail);
      if (index >= 0) this.move(index);
      else if (event.detail === null) this.announce();
    };
    document.addEventListener("beta-wanted", this.wanted);
    // Stays in sight while the page is scrolled to the pictures, below Streamlit's bar where that covers
    // anything: of the fragment it is alone in.
    const host = /** @type {HTMLElement} */ (root instanceof ShadowRoot ? root.host : root);
    /** @type {HTMLElement} */
    this.holder = host.closest("[data-testid=stLayoutWrapper]") ?? host;
    Object.assign(this.holder.style, { position: "sticky", zIndex: "5" });
    this.size = new ResizeObserver(() => this.stick());
    this.size.observe(document.body);
    // charts come after this, and are made anew when they change
    this.watch = new MutationObserver(() => this.lookSoon());
    /** @type {HTMLElement | null} */
    this.main = document.querySelector("[data-testid=stMain]");
    this.watch.observe(this.main ?? document.body, { subtree: true, childList: true });
  }

  stop() {
    clearTimeout(this.resting);
    cancelAnimationFrame(this.looking);
    this.watch.disconnect();
    this.size.disconnect();
    Object.assign(this.holder.style, { position: "", zIndex: "", top: "" });
    if (this.main) this.main.style.scrollPaddingTop = "";
    document.removeEventListener("beta-wanted", this.wanted);
    for (const mark of this.marks.values()) drop(mark);
    this.marks.clear();
  }

  /** @param {CursorData} data @param {Page} page */
  show(data, page) {
    const before = this.data;
    this.data = data;
    this.page = page;
    if (before?.sweep !== data.sweep || before.link !== data.link) {
      this.touched = false;
      clearTimeout(this.resting);
    }
    // as long as no hand moved it, it goes where the page says: to the middle of a sweep that still fills in
    const kept = before && this.touched ? data.labels.indexOf(before.labels[this.index]) : -1;
    this.index = kept >= 0 ? kept : Math.max(0, data.labels.indexOf(data.at));
    this.input.max = String(data.labels.length - 1);
    if (before?.labels.join() !== data.labels.join()) this.writeTicks(data.labels);
    this.write();
    this.lookSoon();
  }

  /** @param {string[]} labels */
  writeTicks(labels) {
    const last = labels.length - 1;
    const ticks = labels.map((label, i) => {
      const tick = make("span", { textContent: label });
      tick.style.left = `${(100 * i) / last}%`;
      if (i % 2 && last > ROOM) tick.className = "odd";
      return tick;
    });
    this.at(".ticks").replaceChildren(...ticks);
  }

  /** @param {number} index */
  move(index) {
    if (index === this.index || !this.data) return;
    this.index = index;
    this.touched = true;
    this.write();
    count(this.box, "moves");
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.report(), REST);
  }

  report() {
    if (!this.data) return;
    // with the number of the move: the same place may be gone to again, after a link led away from it
    const place = {
      sweep: this.data.sweep,
      beta: this.data.labels[this.index],
      move: Number(this.box.dataset.moves),
    };
    this.page?.setStateValue("at", place);
  }

  /** All that a move changes. */
  write() {
    if (!this.data) return;
    const label = this.data.labels[this.index];
    const words = this.data.words[this.index];
    this.input.value = String(this.index);
    this.input.setAttribute("aria-valuetext", `β ${label}, ${words}`);
    this.at("b").textContent = `β ${label}`;
    this.at("output span").replaceChildren(...withWords(`at the cursor: ${words}`, this.root));
    for (const mark of this.marks.values()) this.place(mark);
    this.announce();
  }

  announce() {
    const detail = this.data?.labels[this.index];
    document.dispatchEvent(new CustomEvent("beta-cursor", { detail }));
  }

  stick() {
    const bar = /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=stHeader]"));
    const top = bar && getComputedStyle(bar).pointerEvents !== "none" ? bar.offsetHeight : 0;
    this.holder.style.top = `${top}px`;
    // what is tabbed to comes out below it
    if (this.main) this.main.style.scrollPaddingTop = `${top + this.box.offsetHeight}px`;
  }

  // ---------------------------------------------------------------- marks in the charts

  lookSoon() {
    this.looking ||= requestAnimationFrame(() => {
      this.looking = 0;
      this.look();
    });
  }

  /** Finds the charts as they stand now. */
  look() {
    this.stick();
    for (const key of Object.keys(this.data?.charts ?? {})) {
      /** @type {PlotlyChart | null} */
      const chart = document.querySelector(`.st-key-${key} .js-plotly-plot`);
      const old = this.marks.get(key);
      if (old && old.chart === chart) {
        if (!old.shape.isConnected) this.place(old);
        continue;
      }
      if (old) {
        drop(old);
        this.marks.delete(key);
      }
      if (chart?.on && chart._fullLayout?.xaxis) this.mark(key, chart);
    }
  }

  /** @param {string} key @param {PlotlyChart} chart */
  mark(key, chart) {
    const shape = make("div", { className: "beta-mark" });
    shape.dataset.chart = key;
    /** @type {Mark} */
    const mark = {
      ...{ key, chart, shape },
      redraw: () => this.place(mark),
      click: (event) => this.clicked(key, event),
    };
    for (const event of DRAWN) chart.on?.(event, mark.redraw);
    chart.on?.("plotly_click", mark.click);
    this.marks.set(key, mark);
    this.place(mark);
  }

  /** @param {Mark} mark */
  place({ key, chart, shape }) {
    const { labels, charts, palette } = this.data ?? {};
    const { xaxis, yaxis } = chart._fullLayout ?? {};
    const holder = chart.querySelector(".svg-container");
    const places = charts?.[key];
    if (!places || !labels || !palette || !xaxis || !yaxis || !holder) {
      shape.remove();
      return;
    }
    if (shape.parentElement !== holder) holder.append(shape);
    shape.style.cssText = styleOf(placeOf(places, this.index, xaxis, yaxis), places.kind, palette.mark);
    shape.dataset.beta = labels[this.index];
  }

  /** @param {string} key @param {ClickEvent} event */
  clicked(key, { points }) {
    if (!points?.length) return;
    const index = indexAt(this.data?.charts[key], points[0]);
    if (index >= 0) this.move(index);
  }
}

/** @param {Mark} mark */
function drop({ chart, shape, redraw, click }) {
  shape.remove();
  for (const event of DRAWN) chart.removeListener?.(event, redraw);
  chart.removeListener?.("plotly_click", click);
}

export default mounted(
  (root) => new BetaCursor(root),
  (cursor, /** @type {Component<CursorData>} */ component) => cursor.show(component.data, component),
);
