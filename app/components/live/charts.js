// What the charts of training show: records -> traces and layouts of plotly.js. Nothing here touches the
// page.

import { smooth } from "./numbers.js";

/** @import { Palette } from "../shared/types.js" */
/** @import { RunRecord } from "./record.js" */
/** @import { ControlledLine, PlotlyPart, StepLine, Terms } from "./types.js" */

/** @typedef {{ name: string, title: string, traces: PlotlyPart[], layout: PlotlyPart }} Chart */
/** @typedef {{ dash?: string, markers?: boolean, axis?: string, legend?: boolean }} LineStyle */
/** @typedef {{ weight: number, log: boolean, palette: Palette }} Look smoothing, kind of axis and colours */

const MOST_BARS = 64;
// nats: an unused dimension's posterior is the prior. The same cut as in the sliders' fold
const IN_USE = 0.01;
// of the categorical colours: those of a run's second, third ... term
const SECOND = [5, 2, 3, 4, 1];
const RIGHT_AXIS = { overlaying: "y", side: "right", showgrid: false, tickmode: "auto" };

/**
 * The charts, by the names of their places. One without traces has nothing to show.
 *
 * @param {RunRecord[]} runs the first is the main one
 * @param {Look} look
 * @returns {Chart[]}
 */
export function chartsOf(runs, look) {
  const [first, second] = runs[0].ownCharts;
  return [
    lossChart(runs, look),
    first ? ownChart(runs, look, "terms", first) : partsChart(runs, look),
    shownChart(runs, look),
    scheduleChart(runs, look),
    second ? ownChart(runs, look, "kl", second) : klChart(runs[0], look),
  ].map((chart) => saying(chart, runs[0]));
}

/**
 * A chart without a point says what it waits for.
 *
 * @param {Chart} chart
 * @param {RunRecord} run the main one
 * @returns {Chart}
 */
function saying(chart, run) {
  const some = chart.traces.some(({ y }) => /** @type {(number | null)[]} */ (y).some((v) => v != null));
  if (some || !chart.traces.length) return chart;
  const annotation = {
    ...{ text: waitsFor(run, chart.name), xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false },
  };
  const hidden = { visible: false };
  const axes = { xaxis: hidden, yaxis: hidden, ...(chart.layout.yaxis2 ? { yaxis2: hidden } : {}) };
  const layout = { ...chart.layout, annotations: [annotation], ...axes };
  return { ...chart, layout };
}

/** @param {RunRecord} run @param {string} chart */
function waitsFor({ status, steps, terms }, chart) {
  if (chart === "kl" && !terms.some(({ name, chart: own }) => name === "rate" || own))
    return "this objective has no KL";
  if (!status) return "loading";
  if (status.state === "queued") return "waits for its turn in the queue";
  if (!status.live) return steps.length ? "nothing was recorded" : "the run ended before its first step";
  return steps.length ? "waits for the end of the first epoch" : "waits for the first step";
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
  const unit = distinct(runs.flatMap((run) => run.minimised.slice(0, 1).map((term) => term.unit)));
  const text = unit.join(" and ") || "nats per image";
  const layout = { yaxis: { title: { text }, type: log ? "log" : "linear" } };
  return { name: "loss", title: "Loss", traces, layout };
}

/**
 * What each minimised term adds to the loss. The first stands on the left axis, which is often much larger,
 * the others on the right.
 *
 * @param {RunRecord[]} runs
 * @param {Look} look
 * @returns {Chart}
 */
function partsChart(runs, look) {
  const type = look.log ? "log" : "linear";
  // a distance that is no likelihood says so in place of nats
  const firsts = distinct(
    runs.flatMap((run) =>
      run.minimised.slice(0, 1).map((t) => `${run.weighed(t)}, ${t.unit.replace(" per image", "")}`),
    ),
  );
  const others = distinct(runs.flatMap((run) => run.minimised.slice(1).map((t) => run.weighed(t))));
  const right = others.length > 2 ? "the others" : others.join(", "); // the legend names them
  const layout = {
    yaxis: { title: { text: firsts.join(", ") }, type },
    ...(others.length && { yaxis2: { ...RIGHT_AXIS, title: { text: `${right}, nats` }, type } }),
  };
  const traces = runs.flatMap((run) =>
    run.minimised.flatMap((term, i) => {
      const of = (/** @type {Terms} */ terms) => terms.parts[term.name] ?? null;
      return pair(run, runs, look, run.weighed(term), i, of, i ? "y2" : "y");
    }),
  );
  const many = runs.some((run) => run.minimised.length > 1);
  // short, so that the legend has room beside it; dotted is validation, as the loss's legend says
  const title = many ? "Parts of the loss" : "The loss's one term";
  return { name: "terms", title, traces, layout };
}

/**
 * The terms that ask for a chart of their own, in the place of another.
 *
 * @param {RunRecord[]} runs
 * @param {Look} look
 * @param {string} name of the place
 * @param {string} title
 * @returns {Chart}
 */
function ownChart(runs, look, name, title) {
  const of = (/** @type {RunRecord} */ run) => run.terms.filter(({ chart }) => chart === title);
  const traces = runs.flatMap((run) =>
    of(run).flatMap((term, i) =>
      pair(run, runs, look, term.label, i, (terms) => terms.values[term.name] ?? null, "y"),
    ),
  );
  const text = distinct(of(runs[0]).map(({ unit }) => unit)).join(" and ");
  return { name, title, traces, layout: { yaxis: { title: { text } } } };
}

/**
 * Terms that are measured and not minimised, with the coefficients of the same unit: a rate against the
 * capacity asked for.
 *
 * @param {RunRecord[]} runs
 * @param {Look} look
 * @returns {Chart}
 */
function shownChart(runs, look) {
  const traces = runs.flatMap((run) => {
    const asked = run.shown.length ? run.coefficients.filter(({ unit }) => unit) : [];
    const style = { dash: "dash" };
    return [
      ...run.shown.flatMap((term, i) => {
        const of = (/** @type {Terms} */ terms) => terms.values[term.name] ?? null;
        // a dial learns at a β drawn for each image, and is validated at β = 1
        const where = run.dial ? [", mean over β", " at β = 1"] : ["", ""];
        return pair(run, runs, look, term.label, i, of, "y", where);
      }),
      ...asked.map(({ name, symbol }, i) => {
        const values = run.steps.map((s) => s.coefficients[name] ?? null);
        const colour = colourOf(run, runs, look, run.shown.length + i);
        return line(label(run, runs, symbol), stepsOf(run.steps), values, colour, style);
      }),
    ];
  });
  const titles = distinct(runs.flatMap((run) => run.shown.map((term) => term.title)));
  const text = distinct(runs.flatMap((run) => run.shown.map(({ unit }) => unit))).join(", ");
  const layout = { yaxis: { title: { text }, type: look.log ? "log" : "linear" } };
  const title = `Also measured: ${titles.join(", ")} (dotted: validation)`;
  return { name: "shown", title, traces, layout };
}

/**
 * A term of training, smoothed, and of validation.
 *
 * @param {RunRecord} run
 * @param {RunRecord[]} runs
 * @param {Look} look
 * @param {string} what
 * @param {number} i the term's place among those of the chart, which colours it
 * @param {(terms: Terms) => number | null} of
 * @param {string} axis
 * @param {string[]} where said of training and of validation
 */
function pair(run, runs, look, what, i, of, axis, [over, validatedAt] = ["", ""]) {
  const colour = colourOf(run, runs, look, i);
  const { steps, epochs } = run;
  const train = smooth(
    steps.map((s) => of(s.terms)),
    look.weight,
  );
  const validation = epochs.map((e) => of(e.validation));
  const dash = runs.length > 1 && i ? "dash" : "solid";
  return [
    line(label(run, runs, `${what}${over}`), stepsOf(steps), train, colour, { axis, dash }),
    line(label(run, runs, `${what}, validation${validatedAt}`), stepsOf(epochs), validation, colour, {
      ...{ axis, dash: "dot", markers: true, legend: false },
    }),
  ];
}

/** @param {RunRecord[]} runs @param {Look} look @returns {Chart} */
function scheduleChart(runs, look) {
  const several = runs.length > 1;
  const symbols = distinct(runs.flatMap((run) => run.coefficients.map(({ symbol }) => symbol)));
  const traces = runs.flatMap((run) => {
    const { x, y: rates } = withEdges(run, run.changesOf("learning_rate"), (s) => s.learning_rate, null);
    const style = { axis: "y2", dash: several ? "dash" : "solid" };
    const second = several ? run.colour : look.palette.categorical[5];
    return [
      ...run.coefficients.map(({ name, symbol, live }, i) => {
        const changes = live ? run.changesOf("beta") : [];
        const drawn = withEdges(
          run,
          changes,
          (s) => s.coefficients[name] ?? null,
          ({ value }) => value,
        );
        return line(label(run, runs, symbol), drawn.x, drawn.y, colourOf(run, runs, look, i));
      }),
      line(label(run, runs, "learning rate"), x, rates, second, style),
    ];
  });
  const layout = {
    yaxis: { title: { text: symbols.join(", ") }, rangemode: "tozero", visible: symbols.length > 0 },
    yaxis2: { ...RIGHT_AXIS, title: { text: "learning rate" }, rangemode: "tozero" },
  };
  const title = symbols.length ? `${symbols.join(", ")} and learning rate` : "Learning rate";
  return { name: "schedule", title, traces, layout };
}

/**
 * A number over the steps, with an upright edge where a hand changed it between two points of the curve.
 *
 * @param {RunRecord} run
 * @param {ControlledLine[]} changes in order
 * @param {(step: StepLine) => number | null} of
 * @param {((change: ControlledLine) => number | null) | null} after the number right after a change; null
 *   where only the next point tells it
 */
function withEdges({ steps }, changes, of, after) {
  /** @type {{ x: number[], y: (number | null)[] }} */
  const drawn = { x: [], y: [] };
  const add = (/** @type {number} */ x, /** @type {number | null} */ y) => {
    drawn.x.push(x);
    drawn.y.push(y);
  };
  let i = 0;
  const edgesBefore = (/** @type {number} */ step, /** @type {number | null} */ next) => {
    for (; i < changes.length && changes[i].step < step; i++) {
      const value = after ? after(changes[i]) : next;
      const before = drawn.y.at(-1);
      if (before === undefined || value === null) continue;
      add(changes[i].step, before);
      add(changes[i].step, value);
    }
  };
  for (const step of steps) {
    edgesBefore(step.step, of(step));
    add(step.step, of(step));
  }
  edgesBefore(Number.POSITIVE_INFINITY, null);
  return drawn;
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

/** @param {string[]} words */
const distinct = (words) => [...new Set(words)];

/**
 * Of one run, a colour for each of its terms; of several, the run's own for all.
 *
 * @param {RunRecord} run @param {RunRecord[]} runs @param {Look} look @param {number} i
 */
function colourOf(run, runs, { palette }, i) {
  if (runs.length > 1 || i === 0) return run.colour;
  return palette.categorical[SECOND[(i - 1) % SECOND.length]];
}

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
function line(name, x, y, colour, { dash = "solid", markers = false, axis = "y", legend = true } = {}) {
  return {
    type: "scatter",
    mode: markers ? "lines+markers" : "lines",
    ...{ name, x, y, yaxis: axis, showlegend: legend },
    line: { color: colour, width: 1.8, dash },
    marker: { size: 5 },
    hovertemplate: "%{y:,.4~r}",
  };
}

/**
 * A legend above its chart, in the title's line, where no curve goes; it takes more lines where it must.
 *
 * @param {string} title
 */
const legendOf = (title) => ({
  ...{ orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
  ...{ title: { text: title, side: "left", font: { size: 13 } }, font: { size: 11 }, itemwidth: 30 },
});

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
  const alone = more.showlegend === false;
  return {
    title: {
      ...{ text: alone ? title : "", font: { size: 13 }, pad: { b: 9 } },
      ...{ x: 0, xref: "paper", y: 1, yref: "paper", yanchor: "bottom" },
    },
    font: { family: style.fontFamily, size: 12, color: ink },
    ...{ paper_bgcolor: clear, plot_bgcolor: clear, uirevision: revision },
    margin: { l: 44, r: yaxis2 ? 44 : 10, t: 38, b: 32 },
    ...{ showlegend: true, hovermode: "x unified" },
    modebar: { bgcolor: clear, color: rule, activecolor: ink },
    hoverlabel: {
      ...{
        bgcolor: style.getPropertyValue("--st-background-color"),
        bordercolor: rule,
        font: { color: ink },
      },
    },
    legend: legendOf(title),
    ...more,
    xaxis: axis({ title: { text: "step" }, ...xaxis }),
    yaxis: axis(yaxis),
    ...(yaxis2 && { yaxis2: axis(yaxis2) }),
  };
}
