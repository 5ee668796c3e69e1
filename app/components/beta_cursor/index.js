import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data. The charts are Streamlit's own: what
// is put over them are marks, placed by plotly's axes, so that a move draws no chart anew.
const REST = 400;  // milliseconds without a move until the page is told
const COLOUR = "#D55E00";

export default mounted((root) => new BetaCursor(root), (cursor, component) => cursor.show(component.data, component));

class BetaCursor {
  constructor(root) {
    this.at = (selector) => root.querySelector(selector);
    this.box = this.at(".cursor"); this.input = this.at("input"); this.marks = new Map();
    this.input.oninput = () => this.move(Number(this.input.value));
    this.wanted = ({ detail }) => {
      const index = this.data.labels.indexOf(detail);
      if (index >= 0) this.move(index); else if (detail === null) this.announce();
    };
    document.addEventListener("beta-wanted", this.wanted);
    // stays in sight while the page is scrolled to the pictures, below Streamlit's bar where that covers anything
    this.holder = root.host.closest("[data-testid=stLayoutWrapper]") ?? root.host;  // of the fragment it is alone in
    Object.assign(this.holder.style, { position: "sticky", zIndex: "5" });
    this.size = new ResizeObserver(() => this.stick());
    this.size.observe(document.body);
    // charts come after this, and are made anew when they change
    this.watch = new MutationObserver(() => this.soon());
    this.page = document.querySelector("[data-testid=stMain]");
    this.watch.observe(this.page ?? document.body, { subtree: true, childList: true });
  }

  stop() {
    clearTimeout(this.resting);
    cancelAnimationFrame(this.looking);
    this.watch.disconnect(); this.size.disconnect();
    Object.assign(this.holder.style, { position: "", zIndex: "", top: "" });
    if (this.page) this.page.style.scrollPaddingTop = "";
    document.removeEventListener("beta-wanted", this.wanted);
    for (const mark of this.marks.values()) this.drop(mark);
    this.marks.clear();
  }

  show(data, tell) {
    const before = this.data;
    this.data = data; this.tell = tell;
    if (before?.sweep !== data.sweep || before.link !== data.link) { this.touched = false; clearTimeout(this.resting); }
    // as long as no hand moved it, it goes where the page says: to the middle of a sweep that still fills in
    const kept = this.touched ? data.labels.indexOf(before.labels[this.index]) : -1;
    this.index = kept >= 0 ? kept : Math.max(0, data.labels.indexOf(data.at));
    this.input.max = data.labels.length - 1;
    if (!before || before.labels.join() !== data.labels.join()) this.ticks();
    this.put();
    this.soon();
  }

  ticks() {
    const last = this.data.labels.length - 1;
    this.at(".ticks").replaceChildren(...this.data.labels.map((label, i) => {
      const tick = document.createElement("span");
      tick.textContent = label; tick.style.left = `${100 * i / last}%`;
      if (i % 2 && last > 8) tick.className = "odd";  // where there is little room, every other one
      return tick;
    }));
  }

  move(index) {
    if (index === this.index) return;
    this.index = index; this.touched = true;
    this.put();
    this.box.dataset.moves = String(Number(this.box.dataset.moves) + 1);
    clearTimeout(this.resting);
    // with the number of the move: the same place may be gone to again, after a link led away from it
    this.resting = setTimeout(() => this.tell.setStateValue("at", { sweep: this.data.sweep, beta: this.data.labels[this.index], move: Number(this.box.dataset.moves) }), REST);
  }

  // all that a move changes
  put() {
    const label = this.data.labels[this.index], words = this.data.words[this.index];
    this.input.value = this.index;
    this.input.setAttribute("aria-valuetext", `β ${label}, ${words}`);
    this.at("b").textContent = `β ${label}`;
    this.at("output span").textContent = `in focus: ${words}`;
    for (const mark of this.marks.values()) this.place(mark);
    this.announce();
  }

  announce() { document.dispatchEvent(new CustomEvent("beta-focus", { detail: this.data.labels[this.index] })); }

  // ---------------------------------------------------------------- marks in the charts

  soon() { this.looking ||= requestAnimationFrame(() => { this.looking = 0; this.look(); }); }

  stick() {
    const bar = document.querySelector("[data-testid=stHeader]");
    const top = bar && getComputedStyle(bar).pointerEvents !== "none" ? bar.offsetHeight : 0;
    this.holder.style.top = `${top}px`;
    if (this.page) this.page.style.scrollPaddingTop = `${top + this.box.offsetHeight}px`;  // what is tabbed to comes out below it
  }

  // finds the charts as they stand now
  look() {
    this.stick();
    for (const key of Object.keys(this.data.charts)) {
      const chart = document.querySelector(`.st-key-${key} .js-plotly-plot`), old = this.marks.get(key);
      if (old && old.chart === chart) { if (!old.shape.isConnected) this.place(old); continue; }
      if (old) { this.drop(old); this.marks.delete(key); }
      if (!chart?.on || !chart._fullLayout?.xaxis) continue;
      const shape = document.createElement("div"), mark = { key, chart, shape };
      shape.className = "beta-mark"; shape.dataset.chart = key;
      mark.redraw = () => this.place(mark);
      mark.click = (event) => this.clicked(key, event.points?.[0]);
      for (const event of ["plotly_afterplot", "plotly_relayouting"]) chart.on(event, mark.redraw);
      chart.on("plotly_click", mark.click);
      this.marks.set(key, mark);
      this.place(mark);
    }
  }

  drop({ chart, shape, redraw, click }) {
    shape.remove();
    for (const event of ["plotly_afterplot", "plotly_relayouting"]) chart.removeListener?.(event, redraw);
    chart.removeListener?.("plotly_click", click);
  }

  place({ key, chart, shape }) {
    const given = this.data.charts[key], { xaxis, yaxis } = chart._fullLayout ?? {}, holder = chart.querySelector(".svg-container");
    if (!given || !xaxis || !holder) { shape.remove(); return; }
    if (shape.parentElement !== holder) holder.append(shape);
    const x = given.x[this.index], plot = { left: xaxis._offset, top: yaxis._offset, width: xaxis._length, height: yaxis._length };
    let left, width, top = plot.top, height = plot.height;
    if (given.kind === "column") {
      // the labels are the categories, in their order. Cut where the axes end
      left = Math.max(0, xaxis.l2p(this.index - 0.5)); width = Math.min(plot.width, xaxis.l2p(this.index + 0.5)) - left;
    } else if (given.kind === "line") {
      left = xaxis.d2p(x) - 1; width = 2;
    } else {
      const y = yaxis.d2p(given.y[this.index]);
      left = xaxis.d2p(x) - 10; width = 20; top = plot.top + y - 10; height = 20;
    }
    // what lies beyond the axes, of a chart that was zoomed, is not there
    const middle = left + width / 2, level = top + height / 2 - plot.top;
    const gone = !(width > 0 && middle >= -1 && middle <= plot.width + 1 && level >= -1 && level <= plot.height + 1);
    const edge = given.kind === "point" ? "50%" : "0";
    shape.style.cssText = `position:absolute;pointer-events:none;box-sizing:border-box;left:${plot.left + left}px;top:${top}px;width:${width}px;height:${height}px;`
      + (given.kind === "line" ? `background:${COLOUR};` : `border:3px solid ${COLOUR};`) + `border-radius:${edge};${gone ? "display:none;" : ""}`;
    shape.dataset.beta = this.data.labels[this.index];
  }

  clicked(key, point) {
    if (!point) return;
    const { kind, x, y } = this.data.charts[key] ?? {};
    const near = (all, value, index) => Math.abs(Number(all[index]) - Number(value)) <= 1e-9 * Math.max(1, Math.abs(Number(value)));
    const index = (x ?? []).findIndex((value, i) => near(x, point.x, i) && (kind !== "point" || near(y, point.y, i)));
    if (index >= 0) this.move(index);
  }
}
