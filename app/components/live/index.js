// Live curves and pictures of training. One instance per place on the page; a rerun of the script only hands
// it new data.

import { download, findAll, finder, make } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { describe, onItsWay } from "../shared/requests.js";
import { chartsOf, themed } from "./charts.js";
import { toCsv } from "./csv.js";
import { clock, number, sentence, short, whole } from "./numbers.js";
import { loadPlotly } from "./plotly.js";
import { RunRecord } from "./record.js";
import { Snapshots } from "./snapshots.js";

/** @import { Component, Palette } from "../shared/types.js" */
/** @import { ChartElement, LiveData, RunName } from "./types.js" */

const PATIENCE = 1500; // milliseconds until a state is told again
const FAST = 500; // milliseconds between looks at a live run,
const SLOW = 3000; // and at one that rests

class Live {
  /** @type {RunRecord[]} */
  runs = [];
  /** @type {Component<LiveData>["setTriggerValue"]} */
  tell = () => {};
  /** @type {Palette | null} */
  palette = null;
  /** the main run's state as the page knows it, and when it was last told of another */
  known = "";
  toldAt = Number.NEGATIVE_INFINITY;
  fault = "";
  awaited = ""; // what is on its way, after the state
  advised = "";
  alive = true;
  looking = false;
  again = false;
  revision = 0; // counts what ends a chart's zoom
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.chartPlaces = findAll(root, "[data-chart]");
    this.snapshots = new Snapshots(root);
    this.smoothing = this.at("[aria-label=smoothing]", HTMLInputElement);
    this.logAxis = this.at(".tools input[type=checkbox]", HTMLInputElement);
    this.smoothing.oninput = () => this.draw(true);
    this.logAxis.onchange = () => this.draw(true);
    this.at(".csv").onclick = () => {
      const [main] = this.runs;
      download(new Blob([toCsv(main)], { type: "text/csv" }), `${main.name}.csv`);
    };
    this.at(".zoom").onclick = () => {
      this.revision++;
      this.draw(true);
    };
    this.tabs = findAll(root, "[data-show]", HTMLButtonElement);
    for (const tab of this.tabs) tab.onclick = () => this.choosePart(tab);
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.at(".charts"));
    this.scheme = new MutationObserver(() => this.draw(true));
    const attributeFilter = ["style", "class", "data-theme"];
    this.scheme.observe(document.documentElement, { attributes: true, attributeFilter });
  }

  stop() {
    this.alive = false;
    clearTimeout(this.timer);
    this.watch.disconnect();
    this.scheme.disconnect();
    for (const place of this.drawn()) window.Plotly?.purge(place);
  }

  /** @param {HTMLButtonElement} chosen the tab of what is to be seen */
  choosePart(chosen) {
    this.at(".live").dataset.tab = chosen.dataset.show;
    for (const tab of this.tabs) tab.setAttribute("aria-selected", String(tab === chosen));
    this.fit();
  }

  /** The charts in sight take the room they have. */
  fit() {
    for (const place of this.drawn()) {
      if (place.clientWidth && place.clientHeight) window.Plotly?.Plots.resize(place);
    }
  }

  drawn() {
    return this.chartPlaces.filter((place) => /** @type {ChartElement} */ (place).data);
  }

  /** @param {Component<LiveData>} component */
  show({ data, setTriggerValue }) {
    this.tell = setTriggerValue;
    this.palette = data.palette;
    if (data.state !== this.known) this.toldAt = Number.NEGATIVE_INFINITY;
    this.known = data.state;
    const ids = data.runs.map((run) => run.id).join();
    if (ids !== this.runs.map((run) => run.id).join()) this.choose(data);
    const say = (/** @type {string} */ text) => {
      this.awaited = text && ` · ${text}`;
      this.writeHeader();
    };
    onItsWay(loadPlotly(data.plotly), "The charts' 5 MB", say).then(
      () => this.draw(true),
      (error) => {
        this.fault = describe(error).message;
        this.writeHeader();
      },
    );
    this.look();
  }

  /** @param {LiveData} data */
  choose({ runs, palette }) {
    const before = new Map(this.runs.map((run) => [run.id, run]));
    if (runs[0]?.id !== this.runs[0]?.id) {
      this.snapshots.followNewest();
      this.revision++;
    }
    if (runs[0]) this.makeTiles(runs[0]);
    this.runs = runs.map((given, i) => {
      const run = before.get(given.id) ?? new RunRecord(given, "");
      run.colour = palette.categorical[i % palette.categorical.length];
      run.changed = true;
      return run;
    });
  }

  /**
   * A tile for each term and coefficient that the main run's objective declares.
   *
   * @param {RunName} run
   */
  makeTiles({ terms, coefficients, dial, encoder }) {
    /**
     * @param {string} label @param {string} title
     * @param {Record<string, string>} data @param {string} text
     */
    const tile = (label, title, data, text = "–") => {
      const value = make("dd", { textContent: text });
      Object.assign(value.dataset, data);
      return make("div", {}, make("dt", {}, explained(label, title, this.at(".meanings"))), value);
    };
    for (const old of findAll(this.at(".meanings"), ".made")) old.remove();
    const active = this.at("[data-n=active]").parentElement;
    if (active) active.hidden = !encoder;
    const numbers = this.at(".numbers");
    for (const old of findAll(numbers, "[data-term], [data-coefficient], [data-dial]"))
      old.parentElement?.remove();
    const made = terms.map(({ label, title, unit, help, name }) =>
      tile(label, `${title}, ${unit}: ${help}`, { term: name }),
    );
    for (const one of made) numbers.insertBefore(one, active);
    for (const { symbol, unit, help, name } of coefficients) {
      numbers.append(tile(symbol, unit ? `${help}, ${unit}` : help, { coefficient: name }));
    }
    if (dial) numbers.append(tile("β", "learned at once for every β of the dial", { dial: "" }, dial));
  }

  /** Reads what is new of all runs, draws it, and comes again. */
  async look() {
    clearTimeout(this.timer);
    if (!this.alive) return;
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    if (!document.hidden) {
      const faults = await Promise.all(
        this.runs.map((run) =>
          run.fetch().then(
            () => "",
            (error) => describe(error).message,
          ),
        ),
      );
      if (!this.alive) return;
      this.fault = faults[0] || "";
      this.tellState();
      this.draw(false);
    }
    this.looking = false;
    const busy = this.runs.some(({ status }) => status && (status.live || status.state === "queued"));
    this.timer = setTimeout(() => this.look(), this.again ? 0 : busy ? FAST : SLOW);
    this.again = false;
  }

  // The page's buttons follow the run: one rerun when its state became another than the page knows, and again
  // while it does not, since a rerun may overtake the telling.
  tellState() {
    const state = this.runs[0]?.status?.state;
    if (!state || state === this.known || performance.now() - this.toldAt < PATIENCE) return;
    this.toldAt = performance.now();
    this.tell("changed", `${state} ${this.toldAt}`);
  }

  /** @param {boolean} all also what did not change */
  draw(all) {
    const [main] = this.runs;
    if (!main) return;
    this.writeHeader();
    if (!all && !this.runs.some((run) => run.changed)) return;
    for (const run of this.runs) run.changed = false;
    this.snapshots.show(main);
    this.drawCharts();
  }

  drawCharts() {
    if (!window.Plotly || !this.palette) return;
    const look = {
      weight: Number(this.smoothing.value),
      log: this.logAxis.checked,
      palette: this.palette,
    };
    const style = getComputedStyle(this.at(".live"));
    const roomy = matchMedia("(hover: hover) and (min-width: 700px)").matches;
    const config = {
      ...{ displaylogo: false, responsive: false, displayModeBar: roomy ? "hover" : false },
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    };
    for (const chart of chartsOf(this.runs, look)) {
      const place = this.at(`[data-chart=${chart.name}]`);
      place.hidden = !chart.traces.length;
      if (place.hidden) continue;
      window.Plotly.react(place, chart.traces, themed(chart, style, this.revision), config);
    }
  }

  writeHeader() {
    const [main] = this.runs;
    const { status = null, name = "", steps = [], epochs = [] } = main ?? {};
    const state = status ? status.note || status.state : "loading";
    this.at(".name").textContent = name;
    this.at(".state").textContent = this.fault ? `not reached: ${this.fault}` : state + this.awaited;
    const share = status ? Math.round(100 * status.progress) : 0;
    this.at(".bar").setAttribute("aria-valuenow", String(share));
    this.at(".bar i").style.width = `${share}%`;
    const last = steps.at(-1);
    const speed = status?.live && status.images_per_second;
    const numbers = {
      epoch: status?.epochs ? `${status.epoch} / ${status.epochs}` : "–",
      step: status?.steps_total ? `${whole(status.step)} / ${whole(status.steps_total)}` : "–",
      speed: speed ? whole(speed) : "–",
      eta: status?.eta != null ? clock(status.eta) : "–",
      loss: number(last?.terms.loss),
      active: String(epochs.at(-1)?.active_units ?? "–"),
    };
    for (const [key, text] of Object.entries(numbers)) this.at(`[data-n=${key}]`).textContent = text;
    for (const { name } of main?.terms ?? []) {
      this.at(`[data-term=${name}]`).textContent = number(last?.terms.values[name]);
    }
    for (const { name } of main?.coefficients ?? []) {
      this.at(`[data-coefficient=${name}]`).textContent = short(last?.coefficients[name]);
    }
    this.writeAdvice();
  }

  writeAdvice() {
    const [main] = this.runs;
    const advice = [...(main?.advice ?? [])];
    if (main?.status?.error && !advice.length) advice.push({ fault: main.status.error, remedy: "" });
    const text = JSON.stringify(advice);
    if (text === this.advised) return;
    this.advised = text;
    this.at(".advice").replaceChildren(
      ...advice.map(({ fault, remedy }) =>
        make("p", {}, `${sentence(fault)} `, make("b", { textContent: remedy })),
      ),
    );
  }
}

/**
 * A word that opens what it means by a press, a tap or the keyboard, as app.words makes them.
 *
 * @param {string} word
 * @param {string} meaning
 * @param {HTMLElement} place where the meaning is kept
 */
function explained(word, meaning, place) {
  const id = `word-tile-${place.childElementCount}`;
  place.append(make("span", { id, popover: "auto", className: "meaning made", textContent: meaning }));
  const button = make("button", { type: "button", className: "word", textContent: word, title: meaning });
  button.setAttribute("popovertarget", id);
  return button;
}

export default mounted(
  (root) => new Live(root),
  (live, /** @type {Component<LiveData>} */ component) => live.show(component),
);
