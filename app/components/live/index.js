import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data.
const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C"];
const PATIENCE = 1500;  // milliseconds until a state is told again
const FAST = 500, SLOW = 3000;  // milliseconds between looks at a live run, and at one that rests

export default mounted((root) => new Live(root), (live, component) => live.update(component));

let plotly = null;  // one load for the whole page
function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { plotly = null; reject(new Error("the chart library could not be loaded")); };
    document.head.append(script);
  });
  return plotly;
}

// What is known of one run: its lines, and what the charts need of them.
class Curves {
  constructor({ id, name, dial }, colour) {
    Object.assign(this, { id, name, dial, colour });
    this.clear();
  }

  clear() {
    this.log = null; this.next = 0; this.lines = []; this.status = null; this.advice = []; this.changed = true;
  }

  async fetch() {
    const answer = await fetch(`/api/runs/${this.id}/events?after=${this.next}`, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || answer.statusText);
    const got = await answer.json();
    if (this.log !== null && got.log !== this.log) { this.clear(); this.log = got.log; return this.fetch(); }
    this.log = got.log; this.status = got.status; this.name = got.name;
    if (JSON.stringify(got.advice) !== JSON.stringify(this.advice)) this.changed = true;
    this.advice = got.advice;
    for (const line of got.lines) this.take(line);
    if (got.lines.length) this.changed = true;
    const more = got.next !== this.next && got.lines.length > 0 && got.more;
    this.next = got.next;
    if (more) return this.fetch();
  }

  // a resumed run supersedes what came after the checkpoint it went on from
  take(line) {
    if (line.event === "resumed") {
      let i = this.lines.length - 1;
      while (i >= 0 && !(this.lines[i].event === "checkpoint" && this.lines[i].step === line.step)) i--;
      this.lines = i >= 0 ? this.lines.slice(0, i + 1) : this.lines.filter((l) => l.step <= line.step);
    }
    for (const t of [line.terms, line.train, line.validation]) if (t?.values) Object.assign(t, t.values);
    if (line.coefficients) line.beta = line.coefficients.beta ?? line.coefficients.gamma;
    this.lines.push(line);
  }

  of(kind) { return this.lines.filter((l) => l.event === kind); }
}

class Live {
  constructor(root) {
    this.root = root;
    this.at = (selector) => root.querySelector(selector);
    this.runs = []; this.timer = 0; this.alive = true; this.told = -Infinity; this.follow = true; this.fault = "";
    this.at(".tools input[type=range]").oninput = () => this.draw(true);
    this.at(".tools input[type=checkbox]").onchange = () => this.draw(true);
    this.at(".csv").onclick = () => this.download();
    this.at(".zoom").onclick = () => { this.revision = (this.revision || 0) + 1; this.draw(true); };
    const scrub = this.at(".scrub input");
    scrub.oninput = () => { this.follow = Number(scrub.value) === Number(scrub.max); this.pictures(); };
    this.at(".newest").onclick = () => { this.follow = true; this.pictures(); };
    this.watch = new ResizeObserver(() => {
      if (!window.Plotly) return;
      for (const div of root.querySelectorAll("[data-chart]")) if (div.data) window.Plotly.Plots.resize(div);
    });
    this.watch.observe(this.at(".charts"));
    this.scheme = new MutationObserver(() => this.draw(true));
    this.scheme.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class", "data-theme"] });
  }

  update({ data, setTriggerValue }) {
    this.tell = setTriggerValue;
    if (data.state !== this.known) this.told = -Infinity;
    this.known = data.state;
    const ids = data.runs.map((r) => r.id).join();
    if (ids !== this.runs.map((r) => r.id).join()) {
      const before = new Map(this.runs.map((r) => [r.id, r]));
      if (data.runs[0]?.id !== this.runs[0]?.id) { this.follow = true; this.revision = (this.revision || 0) + 1; }
      this.runs = data.runs.map((r, i) => Object.assign(before.get(r.id) || new Curves(r, ""), { colour: COLOURS[i % COLOURS.length], changed: true }));
    }
    loadPlotly(data.plotly).then(() => this.draw(true), (error) => { this.fault = error.message; this.header(); });
    this.look();
  }

  stop() {
    this.alive = false;
    clearTimeout(this.timer);
    this.watch.disconnect();
    this.scheme.disconnect();
    for (const div of this.root.querySelectorAll("[data-chart]")) if (div.data) window.Plotly?.purge(div);
  }

  async look() {
    clearTimeout(this.timer);
    if (!this.alive) return;
    if (this.looking) { this.again = true; return; }
    this.looking = true;
    if (!document.hidden) {
      const runs = this.runs;
      const faults = await Promise.all(runs.map((run) => run.fetch().then(() => "", (error) => error.message)));
      if (!this.alive) return;
      this.fault = faults[0] || "";
      const main = this.runs[0];
      // the page's buttons follow the run: one rerun when its state became another than the page knows
      // and again while it does not, since a rerun may overtake the telling
      if (main?.status && main.status.state !== this.known && performance.now() - this.told > PATIENCE) {
        this.told = performance.now();
        this.tell("changed", `${main.status.state} ${this.told}`);
      }
      this.draw(false);
    }
    this.looking = false;
    const busy = this.runs.some((r) => r.status && (r.status.live || r.status.state === "queued"));
    this.timer = setTimeout(() => this.look(), this.again ? 0 : busy ? FAST : SLOW);
    this.again = false;
  }

  draw(all) {
    const main = this.runs[0];
    if (!main) return;
    this.header();
    if (!all && !this.runs.some((r) => r.changed)) return;
    for (const run of this.runs) run.changed = false;
    this.pictures();
    if (window.Plotly) this.charts();
  }

  // ---------------------------------------------------------------- numbers

  header() {
    const main = this.runs[0], status = main?.status;
    this.at(".name").textContent = main?.name ?? "";
    this.at(".state").textContent = this.fault ? `not reached: ${this.fault}` : status ? (status.note || status.state) : "loading";
    const share = status ? Math.round(100 * status.progress) : 0;
    this.at(".bar").setAttribute("aria-valuenow", share);
    this.at(".bar i").style.width = `${share}%`;
    const steps = main?.of("step") ?? [], epochs = main?.of("epoch") ?? [], last = steps.at(-1), ended = epochs.at(-1);
    const put = (name, text) => { this.at(`[data-n=${name}]`).textContent = text; };
    put("epoch", status?.epochs ? `${status.epoch} / ${status.epochs}` : "–");
    put("speed", status?.live && status.images_per_second ? Math.round(status.images_per_second).toLocaleString("en") : "–");
    put("eta", status?.eta != null ? clock(status.eta) : "–");
    put("loss", number(last?.terms.loss)); put("distortion", number(last?.terms.distortion)); put("rate", number(last?.terms.rate));
    put("active", ended ? String(ended.active_units) : "–"); put("beta", main?.dial || (last ? short(last.beta) : "–"));
    const advice = (main?.advice ?? []).map((a) => [a.fault, a.remedy]);
    if (status?.error && !advice.length) advice.push([status.error, ""]);
    const text = JSON.stringify(advice);
    if (text === this.advised) return;
    this.advised = text;
    this.at(".advice").replaceChildren(...advice.map(([fault, remedy]) => {
      const p = document.createElement("p"), b = document.createElement("b");
      b.textContent = remedy;
      // Greek letters are symbols: "β grows", never "Β grows"
      p.append(fault.replace(/^\P{Script=Greek}/u, (first) => first.toUpperCase()) + " ", b);
      return p;
    }));
  }

  // ---------------------------------------------------------------- charts

  charts() {
    const weight = Number(this.at(".tools input[type=range]").value), log = this.at(".tools input[type=checkbox]").checked;
    const several = this.runs.length > 1, main = this.runs[0];
    const loss = [], terms = [], beta = [];
    for (const run of this.runs) {
      const steps = run.of("step"), epochs = run.of("epoch"), x = steps.map((s) => s.step), ex = epochs.map((e) => e.step);
      const label = (what) => (several ? `${run.name}: ${what}` : what);
      loss.push(line(label("train"), x, smooth(steps.map((s) => s.terms.loss), weight), run.colour));
      loss.push(line(label("validation"), ex, epochs.map((e) => e.validation.loss), run.colour, { dash: "dot", markers: true }));
      const second = several ? run.colour : COLOURS[5];
      // a dial learns at a β drawn for each image, and is validated at β = 1
      const [over, at1] = run.dial ? [", mean over β", " at β = 1"] : ["", ""], rate = run.dial ? "rate" : "β·rate";
      terms.push(line(label(`distortion${over}`), x, smooth(steps.map((s) => s.terms.distortion), weight), run.colour));
      terms.push(line(label(`distortion, validation${at1}`), ex, epochs.map((e) => e.validation.distortion), run.colour, { dash: "dot", markers: true }));
      if (steps.some((s) => s.terms.rate != null)) {
        const at = (s) => s.beta * s.terms.rate;
        terms.push(line(label(`${rate}${over}`), x, smooth(steps.map(at), weight), second, { axis: "y2", dash: several ? "dash" : "solid" }));
        const weights = epochs.map((e) => nearestBeta(steps, e.step));
        terms.push(line(label(`${rate}, validation${at1}`), ex, epochs.map((e, i) => weights[i] * e.validation.rate), second, { axis: "y2", dash: "dot", markers: true }));
      }
      if (!run.dial) beta.push(line(label("β"), x, steps.map((s) => s.beta), run.colour));
      beta.push(line(label("learning rate"), x, steps.map((s) => s.learning_rate), several ? run.colour : COLOURS[5], { axis: "y2", dash: several ? "dash" : "solid" }));
    }
    const type = log ? "log" : "linear";
    this.plot("loss", loss, "Loss", { yaxis: { title: { text: "nats per image" }, type } });
    const dials = this.runs.every((r) => r.dial), mixed = !dials && this.runs.some((r) => r.dial);
    const second = dials ? "rate" : mixed ? "β·rate, or a dial's rate" : "β·rate";
    this.plot("terms", terms, `Distortion and ${second}`, {
      yaxis: { title: { text: "distortion, nats" }, type }, yaxis2: { title: { text: mixed ? "nats" : `${second}, nats` }, overlaying: "y", side: "right", showgrid: false, tickmode: "auto", type },
    });
    this.plot("beta", beta, dials ? "Learning rate" : "β and learning rate", {
      yaxis: { title: { text: "β" }, rangemode: "tozero", visible: !dials }, yaxis2: { title: { text: "learning rate" }, overlaying: "y", side: "right", showgrid: false, tickmode: "auto", rangemode: "tozero" },
    });
    this.kl(main);
  }

  kl(run) {
    const from = [...run.lines].reverse().find((l) => l.event === "epoch" && l.validation.kl_per_dim.length) ?? null;
    const step = [...run.lines].reverse().find((l) => l.event === "step" && l.terms.kl_per_dim.length) ?? null;
    const values = (step && (!from || step.step >= from.step) ? step.terms : from?.validation)?.kl_per_dim ?? [];
    const order = values.map((v, d) => [v, d]).sort((a, b) => b[0] - a[0]).slice(0, 64);
    // an unused dimension's posterior is the prior: KL near 0. The same cut as in the sliders' fold.
    const colours = order.map(([v]) => (v > 0.01 ? COLOURS[0] : "#b8c0c8"));
    const trace = { type: "bar", x: order.map(([, d]) => `z${d}`), y: order.map(([v]) => v), marker: { color: colours }, hovertemplate: "%{x}: %{y:.3f} nats<extra></extra>" };
    const note = values.length > 64 ? `KL per dimension (64 largest of ${values.length})` : "KL per dimension";
    this.plot("kl", [trace], note, { xaxis: { title: { text: "" }, type: "category" }, yaxis: { title: { text: "nats" }, rangemode: "tozero" }, showlegend: false });
  }

  plot(name, traces, title, layout) {
    const style = getComputedStyle(this.at(".live"));
    const ink = style.color, rule = style.getPropertyValue("--st-border-color") || "#ccc";
    const axis = { gridcolor: rule, zerolinecolor: rule, automargin: true, title: { standoff: 6 } };
    const merged = (own) => ({ ...axis, ...own, title: { ...axis.title, ...own?.title } });
    const full = {
      title: { text: title, font: { size: 14 }, x: 0, xref: "paper", y: 0.98 },
      font: { family: style.fontFamily, size: 12, color: ink }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 50, r: layout.yaxis2 ? 50 : 12, t: 34, b: 40 }, uirevision: this.revision || 0, showlegend: true, hovermode: "x unified",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: rule, activecolor: ink },
      hoverlabel: { bgcolor: style.getPropertyValue("--st-background-color"), bordercolor: rule, font: { color: ink } },
      legend: { orientation: "h", x: 0, y: -0.22, font: { size: 11 } }, ...layout,
      xaxis: merged({ title: { text: "step" }, ...layout.xaxis }), yaxis: merged(layout.yaxis),
    };
    if (layout.yaxis2) full.yaxis2 = merged(layout.yaxis2);
    window.Plotly.react(this.at(`[data-chart=${name}]`), traces, full, { displaylogo: false, responsive: false, displayModeBar: matchMedia("(hover: hover) and (min-width: 700px)").matches ? "hover" : false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
  }

  // ---------------------------------------------------------------- pictures

  pictures() {
    const main = this.runs[0], shots = main?.of("snapshot") ?? [];
    this.at(".pictures").hidden = !shots.length;
    if (!shots.length) return;
    const scrub = this.at(".scrub input");
    scrub.max = shots.length - 1;
    if (this.follow) scrub.value = shots.length - 1;
    this.at(".newest").hidden = this.follow;
    const shot = shots[Number(scrub.value)] ?? shots.at(-1);
    this.at("output").textContent = shot.epoch;
    for (const figure of this.root.querySelectorAll("[data-strip]")) {
      const name = figure.dataset.strip, image = figure.querySelector("img");
      const url = `/api/runs/${main.id}/file/${shot[name]}?${main.log}`;
      if (image.dataset.url !== url) {
        image.dataset.url = url;
        // shown only once it is here: the old picture stays until then, so nothing flickers
        const next = new Image();
        next.onload = () => { if (image.dataset.url === url) image.src = url; };
        next.src = url;
      }
      if (name === "traversal") figure.querySelector("figcaption").textContent = `traversals of ${shot.dims.map((d) => `z${d}`).join(", ")} from −3 to 3`;
    }
  }

  // ---------------------------------------------------------------- CSV

  download() {
    const main = this.runs[0];
    const head = ["event", "step", "epoch", "split", "loss", "distortion", "rate", "objective", "beta", "learning_rate", "images_per_second", "active_units"];
    const rows = [];
    for (const l of main.lines) {
      if (l.event === "step") rows.push(["step", l.step, l.epoch, "train", l.terms.loss, l.terms.distortion, l.terms.rate, l.terms.objective, l.beta, l.learning_rate, l.images_per_second, ""]);
      if (l.event === "epoch") for (const split of ["train", "validation"]) {
        rows.push(["epoch", l.step, l.epoch, split, l[split].loss, l[split].distortion, l[split].rate, l[split].objective, "", "", "", l.active_units]);
      }
    }
    const text = [head, ...rows].map((r) => r.map((v) => v ?? "").join(",")).join("\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text + "\n"], { type: "text/csv" }));
    link.download = `${main.name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

// ---------------------------------------------------------------- small helpers

function line(name, x, y, colour, { dash = "solid", markers = false, axis = "y" } = {}) {
  return { type: "scatter", mode: markers ? "lines+markers" : "lines", name, x, y, yaxis: axis, line: { color: colour, width: 1.8, dash }, marker: { size: 5 }, hovertemplate: "%{y:.4~g}" };
}

// exponential moving average, corrected for its start; weight 0 leaves the values as they are
function smooth(values, weight) {
  if (!weight) return values;
  let sum = 0, norm = 0;
  return values.map((v) => {
    if (v == null) return null;
    sum = weight * sum + (1 - weight) * v; norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}

function nearestBeta(steps, step) {
  let found = steps[0]?.beta ?? 1;
  for (const s of steps) { if (s.step > step) break; found = s.beta; }
  return found;
}

const number = (v) => (v == null ? "–" : Math.abs(v) >= 1000 ? Math.round(v).toLocaleString("en") : v.toFixed(Math.abs(v) >= 100 ? 1 : 2));
const short = (v) => (v == null ? "–" : String(Number(v.toPrecision(3))));

function clock(seconds) {
  const s = Math.round(seconds), pad = (v) => String(v).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
}
