// What the charts of training show: records -> traces and layouts of plotly.js. Nothing here touches the
// page.

import { betaAt, smooth } from "./numbers.js";

/** @import { Palette } from "../shared/types.js" */
/** @import { RunRecord } from "./record.js" */
/** @import { PlotlyPart } from "./types.js" */

/** @typedef {{ name: string, title: string, traces: PlotlyPart[], layout: PlotlyPart }} Chart */
/** @typedef {{ dash?: string, markers?: boolean, axis?: string }} LineStyle */
/** @typedef {{ weight: number, log: boolean, palette: Palette }} Look smoothing, kind of axis and colours */

const MOST_BARS = 64;
// nats: an unused dimension's posterior is the prior. The same cut as in the sliders' fold
const IN_USE = 0.01;
const RIGHT_AXIS = { overlaying: "y", side: "right", showgrid: false, tickmode: "auto" };

/**
 * The four charts, by the names of their places.
 *
 * @param {RunRecord[]} runs the first is the main one
 * @param {Look} look
 * @returns {Chart[]}
 */
export function chartsOf(runs, look) {
  return [lossChart(runs, look), termsChart(runs, look), scheduleChart(runs, look), klChart(runs[0], look)];
}

/** @param {RunRecord[]} runs @param {Look} look @returns {Chart} */
function lossChart(runs, { weight, log }) {
  const traces = runs.flatMap((run) => {
    const { steps, epochs } = run;
    const train = smooth(
      steps.map((s) => s.terms.loss),
      weight,
    );
    const validation = epochs.map((e) => e.validation.loss);
    return [
      line(label(run, runs, "train"), stepsOf(steps), train, run.colour),
      line(label(run, runs, "validation"), stepsOf(epochs), validation, run.colour, {
        dash: "dot",
        markers: true,
      }),
    ];
  });
  const layout = { yaxis: { title: { text: "nats per image" }, type: log ? "log" : "linear" } };
  return { name: "loss", title: "Loss", traces, layout };
}

/**
 * Distortion on the left axis, and on the right what β adds to it.
 *
 * @param {RunRecord[]} runs
 * @param {Look} look
 * @returns {Chart}
 */
function termsChart(runs, look) {
  const dials = runs.every((run) => run.dial);
  const mixed = !dials && runs.some((run) => run.dial);
  const second = dials ? "rate" : mixed ? "β·rate, or a dial's rate" : "β·rate";
  const type = look.log ? "log" : "linear";
  const layout = {
    yaxis: { title: { text: "distortion, nats" }, type },
    yaxis2: { ...RIGHT_AXIS, title: { text: mixed ? "nats" : `${second}, nats` }, type },
  };
  const traces = runs.flatMap((run) => termTraces(run, runs, look));
  return { name: "terms", title: `Distortion and ${second}`, traces, layout };
}

/** @param {RunRecord} run @param {RunRecord[]} runs @param {Look} look */
function termTraces(run, runs, { weight, palette }) {
  const { steps, epochs, colour } = run;
  const x = stepsOf(steps);
  const ends = stepsOf(epochs);
  const several = runs.length > 1;
  const second = several ? colour : palette.categorical[5];
  // a dial learns at a β drawn for each image, and is validated at β = 1
  const [over, atOne] = run.dial ? [", mean over β", " at β = 1"] : ["", ""];
  const rate = run.dial ? "rate" : "β·rate";
  const named = (/** @type {string} */ what) => label(run, runs, what);
  const distortion = steps.map((s) => s.terms.distortion);
  const validated = epochs.map((e) => e.validation.distortion);
  const found = [
    line(named(`distortion${over}`), x, smooth(distortion, weight), colour),
    line(named(`distortion, validation${atOne}`), ends, validated, colour, { dash: "dot", markers: true }),
  ];
  if (steps.some((s) => s.terms.rate != null)) {
    const weighted = steps.map((s) => s.beta * (s.terms.rate ?? 0));
    const validatedRate = epochs.map((e) => betaAt(steps, e.step) * (e.validation.rate ?? 0));
    const solid = several ? "dash" : "solid";
    found.push(
      line(named(`${rate}${over}`), x, smooth(weighted, weight), second, { axis: "y2", dash: solid }),
      line(named(`${rate}, validation${atOne}`), ends, validatedRate, second, {
        ...{ axis: "y2", dash: "dot", markers: true },
      }),
    );
  }
  return found;
}

/** @param {RunRecord[]} runs @param {Look} look @returns {Chart} */
function scheduleChart(runs, { palette }) {
  const several = runs.length > 1;
  const traces = runs.flatMap((run) => {
    const x = stepsOf(run.steps);
    const betas = run.steps.map((s) => s.beta);
    const rates = run.steps.map((s) => s.learning_rate);
    const second = several ? run.colour : palette.categorical[5];
    const style = { axis: "y2", dash: several ? "dash" : "solid" };
    const rate = line(label(run, runs, "learning rate"), x, rates, second, style);
    return run.dial ? [rate] : [line(label(run, runs, "β"), x, betas, run.colour), rate];
  });
  const dials = runs.every((run) => run.dial);
  const layout = {
    yaxis: { title: { text: "β" }, rangemode: "tozero", visible: !dials },
    yaxis2: { ...RIGHT_AXIS, title: { text: "learning rate" }, rangemode: "tozero" },
  };
  return { name: "beta", title: dials ? "Learning rate" : "β and learning rate", traces, layout };
}

/** @param {RunRecord} run @param {Look} look @returns {Chart} */
function klChart(run, { palette }) {
  const values = newestKl(run);
  const order = values.map((_, d) => d).sort((a, b) => values[b] - values[a]);
  const shown = order.slice(0, MOST_BARS);
  const trace = {
    type: "bar",
    x: shown.map((d) => `z${d}`),
    y: shown.map((d) => values[d]),
    marker: { color: shown.map((d) => (values[d] > IN_USE ? palette.categorical[0] : palette.faded)) },
    hovertemplate: "%{x}: %{y:.3f} nats<extra></extra>",
  };
  const cut = values.length > MOST_BARS ? ` (${MOST_BARS} largest of ${values.length})` : "";
  const layout = {
    xaxis: { title: { text: "" }, type: "category" },
    yaxis: { title: { text: "nats" }, rangemode: "tozero" },
    showlegend: false,
  };
  return { name: "kl", title: `KL per dimension${cut}`, traces: [trace], layout };
}

/** @param {RunRecord} run of the newest step or epoch that tells of it, nats */
function newestKl({ steps, epochs }) {
  const step = steps.findLast((s) => s.terms.kl_per_dim.length);
  const epoch = epochs.findLast((e) => e.validation.kl_per_dim.length);
  const newest = step && (!epoch || step.step >= epoch.step) ? step.terms : epoch?.validation;
  return newest?.kl_per_dim ?? [];
}

// ---------------------------------------------------------------- parts

/** @param {{ step: number }[]} lines */
const stepsOf = (lines) => lines.map((line) => line.step);

/** @param {RunRecord} run @param {RunRecord[]} runs @param {string} what */
const label = (run, runs, what) => (runs.length > 1 ? `${run.name}: ${what}` : what);

/**
 * @param {string} name
 * @param {number[]} x
 * @param {(number | null)[]} y
 * @param {string} colour
 * @param {LineStyle} [style]
 * @returns {PlotlyPart}
 */
function line(name, x, y, colour, { dash = "solid", markers = false, axis = "y" } = {}) {
  return {
    type: "scatter",
    mode: markers ? "lines+markers" : "lines",
    ...{ name, x, y, yaxis: axis },
    line: { color: colour, width: 1.8, dash },
    marker: { size: 5 },
    hovertemplate: "%{y:.4~g}",
  };
}

/**
 * A chart's layout with all that they share: fonts, grid and colours of the page's theme.
 *
 * @param {Chart} chart
 * @param {CSSStyleDeclaration} style of the component
 * @param {number} revision keeps what was zoomed into until it is another
 * @returns {PlotlyPart}
 */
export function themed({ title, layout }, style, revision) {
  const ink = style.color;
  const rule = style.getPropertyValue("--st-border-color");
  const clear = "rgba(0,0,0,0)";
  /** @param {any} [own] */
  const axis = (own) => ({
    ...{ gridcolor: rule, zerolinecolor: rule, automargin: true },
    ...own,
    title: { standoff: 6, ...own?.title },
  });
  const { xaxis, yaxis, yaxis2, ...more } = /** @type {Record<string, any>} */ (layout);
  return {
    title: { text: title, font: { size: 14 }, x: 0, xref: "paper", y: 0.98 },
    font: { family: style.fontFamily, size: 12, color: ink },
    ...{ paper_bgcolor: clear, plot_bgcolor: clear, uirevision: revision },
    margin: { l: 50, r: yaxis2 ? 50 : 12, t: 34, b: 40 },
    ...{ showlegend: true, hovermode: "x unified" },
    modebar: { bgcolor: clear, color: rule, activecolor: ink },
    hoverlabel: {
      ...{
        bgcolor: style.getPropertyValue("--st-background-color"),
        bordercolor: rule,
        font: { color: ink },
      },
    },
    legend: { orientation: "h", x: 0, y: -0.22, font: { size: 11 } },
    ...more,
    xaxis: axis({ title: { text: "step" }, ...xaxis }),
    yaxis: axis(yaxis),
    ...(yaxis2 && { yaxis2: axis(yaxis2) }),
  };
}
