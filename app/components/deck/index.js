import * as tools from "../shared/decoder.js";
import { makeArtist } from "../shared/artist.js";
import { makePad } from "../shared/pad.js";
import { mounted } from "../shared/mount.js";

const REST = 120, REPORT = 350, THUMBS = 9, FIRST = 12, SAMPLES = 32, MOST_MARKS = 100, LEG_SECONDS = 3.5;
const GATHER = 1500;  // milliseconds until the server is asked again for the codes of all images
// Okabe & Ito's colours and two more, as in app.charts
const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C", "#5D3A9B", "#7A5C2E"];

export default mounted((root) => new Deck(root), (deck, component) => { deck.tell = component; deck.show(component.data); });

const el = (tag, props = {}, ...children) => {
  const found = Object.assign(document.createElement(tag), props);
  for (const [name, value] of Object.entries(props)) if (name.startsWith("aria-")) found.setAttribute(name, value);
  found.append(...children);
  return found;
};

class Deck {
  constructor(root) {
    this.root = root; this.tools = tools;
    this.at = (selector) => root.querySelector(selector);
    this.canvas = this.at("canvas.picture");
    this.past = []; this.future = []; this.pins = []; this.marks = []; this.names = {}; this.locked = new Set();
    this.sliders = new Map();
    // what was changed in names and bookmarks and is not among the run's notes yet, as far as this page has heard
    this.page = Math.random().toString(36).slice(2); this.changes = []; this.changed = 0;
    this.range = "prior"; this.alive = true; this.seed = 1;
    this.wire();
  }

  // ---------------------------------------------------------------- what the page tells

  async show(data) {
    const first = !this.data, other = first || data.run !== this.data.run;
    this.data = data;
    if (other) {
      // what the old run's decoder still paints is no code of this one
      this.picture?.close(); this.artist?.close();
      this.picture = this.artist = this.shown = null;
      this.at("[data-n=percentile]").textContent = "–";
      this.locked.clear(); this.past = []; this.future = []; this.pins = []; this.cloud = null; this.anchor = null;
      this.owed = this.renewing = false;
      this.openKey = this.anchorKey = null; this.gesture = false; this.halt();
      this.changes = [];
      this.mark();
      this.code = new Array(data.header.latent_dim).fill(0);
      // what the sliders have added up to, and had when the newest pin was set: pins follow them, and nothing else
      this.steps = this.pinned = this.code;
      this.range = "prior"; this.chosen = false;
      this.reach(null, "data: once the images' codes are there");
      this.build();
    } else this.mark();
    if (data.anchor && data.anchor.key !== this.anchorKey) {
      this.anchorKey = data.anchor.key;
      this.reported = null;  // the address says the anchor's code now, wherever the hand goes from there
      this.setAnchor(data.anchor, !(data.open && data.open.key !== this.openKey));
    } else if (data.anchor && this.anchor?.key === data.anchor.key && data.anchor.stamp !== this.anchor.stamp) {
      this.setAnchor(data.anchor, false);  // encoded anew; a drawing has no key, and is the pad's
    }
    if (data.open && data.open.key !== this.openKey) {
      this.openKey = data.open.key;
      this.reported = null;
      this.go(data.open.code, { remember: !other });
    }
    if (other || data.header.stamp !== this.stamp) await this.load(data.header, !other);
  }

  async load(header, changed) {
    const turn = (this.turn = (this.turn || 0) + 1);
    this.stamp = header.stamp;
    try {
      this.picture?.close();
      this.artist?.close();
      const picture = await this.tools.openPicture({ run: this.data.run, header, canvas: this.canvas, say: (text) => this.say(text) });
      if (!this.alive || turn !== this.turn) return picture.close();
      this.picture = picture;
    } catch (error) {
      if (!this.alive || turn !== this.turn) return;
      if (error.status === 410) return this.refused(error);
      return this.say(`This run cannot be decoded: ${error.message}. Reload the page to try again.`);
    }
    this.picture.onpaint = (code) => this.painted(code);
    this.picture.onrefused = (error) => this.refused(error);
    this.say(changed ? "The run's weights changed while this page was open: the same code, decoded anew." : "");
    this.artist = makeArtist({ decoder: this.picture.decoder, run: this.data.run, header, say: (text) => this.say(text) });
    this.pad ??= this.drawingPad();
    this.at(".where").textContent = this.picture.where === "browser" ? "decoded in this page" : "decoded by the server";
    for (const slider of this.sliders.values()) slider.signature = "";
    this.hideSigma();
    this.go(this.code);
    this.drawAnchor();
    if (changed) this.renewDrawing();
    this.drawShelf("marks"); this.drawShelf("pins");
    this.gallery();
    this.meet();
  }

  refused(error) {
    if (error.status === 404) this.say("This run was deleted. Choose another one in the sidebar.");
    if (error.status === 410) this.tools.outdated(this);
  }

  // new weights: a drawing is encoded by them, as the page does with images. One that was wiped off the pad stays as it is
  renewDrawing() {
    const mine = this.anchor && this.anchor.key === undefined;
    if (this.pad.empty) {
      if (mine) this.setAnchor({ ...this.anchor, std: null, note: "as earlier weights encoded it" }, false);
      return;
    }
    this.renewing = mine && !this.owed;
    if (mine || this.owed) this.pad.encode();
    this.owed = false;
  }

  say(text) { this.at(".say").textContent = text; }
  hasPrior() { return this.data.prior; }

  // ---------------------------------------------------------------- sliders

  build() {
    const { header, kl, order, collapsed, grey } = this.data, folded = new Set(collapsed);
    this.watcher?.disconnect();
    this.watcher = new IntersectionObserver((seen) => {
      for (const entry of seen) { const slider = this.sliders.get(Number(entry.target.dataset.dim)); if (slider) slider.seen = entry.isIntersecting; }
      this.rest();
    });
    this.sliders.clear();
    const used = order.filter((d) => !folded.has(d)), more = used.slice(FIRST);
    this.at(".sliders").replaceChildren(...used.slice(0, FIRST).map((d) => this.slider(d, kl)));
    this.fold(".more", more, kl, `${more.length} more dimensions`);
    this.fold(".collapsed", collapsed, kl, `${collapsed.length} collapsed ${collapsed.length === 1 ? "dimension" : "dimensions"}`);
    this.at(".collapsed").open = !used.length;  // a wholly collapsed run would show no slider at all
    this.at(".drawing").hidden = !grey;
    // a plain autoencoder has no prior to draw from
    for (const name of ["random", "play"]) this.at(`[data-do=${name}]`).disabled = !this.hasPrior();
    this.at(".gallery").hidden = !this.hasPrior();
    for (const [k, select] of [...this.root.querySelectorAll("[data-pick]")].entries()) {
      select.replaceChildren(...order.map((d) => el("option", { value: d, textContent: `z${d}` })));
      select.value = String(order[Math.min(k, order.length - 1)]);
    }
    this.at(".anchor").hidden = true;
    this.at(".stage").style.setProperty("--side", Math.max(1, Math.round(384 / header.width)) * header.width + "px");
  }

  fold(selector, dims, kl, title) {
    const details = this.at(selector);
    details.hidden = !dims.length; details.open = false;
    this.at(`${selector} summary`).textContent = title;
    const inside = this.at(`${selector} div`);
    inside.replaceChildren();
    // hundreds of sliders are made only when somebody wants to see them
    details.ontoggle = () => {
      if (details.open && !inside.children.length) {
        inside.append(...dims.map((d) => this.slider(d, kl)));
        this.fresh();
      }
    };
  }

  slider(dim, kl) {
    const input = el("input", { type: "range", step: "0.001", "aria-label": `z${dim}` });
    const value = el("input", { type: "number", step: "0.001", className: "value", "aria-label": `z${dim} value` });
    const name = el("input", { type: "text", className: "name", maxLength: 40, placeholder: "name", "aria-label": `name of z${dim}`, value: this.names[dim] ?? "" });
    const lock = el("button", { type: "button", className: "lock", textContent: "lock", title: "Keep this dimension as it is", "aria-label": `lock z${dim}`, "aria-pressed": "false" });
    const strip = el("canvas", { className: "strip", "aria-hidden": "true", width: THUMBS, height: 1 });
    const use = kl.length ? `KL ${kl[dim].toFixed(2)} nats` : "";
    const box = el("div", { className: "slider" }, el("div", { className: "head" }, el("b", { textContent: `z${dim}` }), name, el("span", { textContent: use }), lock, value), input, strip);
    box.dataset.dim = dim;
    const slider = { box, input, value, name, lock, strip, seen: false, signature: "" };
    this.sliders.set(dim, slider);
    this.watcher.observe(box);
    this.bounds(dim, slider);
    input.oninput = () => this.move(dim, Number(input.value));
    input.onchange = () => this.endGesture();
    input.ondblclick = () => this.single(dim, this.base()[dim]);
    input.onkeydown = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;  // the browser's: zoom, the page before
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (step) {
        event.preventDefault();
        this.halt();
        this.move(dim, this.within(dim, this.code[dim], step * (event.shiftKey ? 0.5 : 0.05)));
      } else if (event.key === "0") { event.preventDefault(); this.single(dim, 0); }
    };
    value.onchange = () => { if (value.value !== "" && Number.isFinite(Number(value.value))) this.single(dim, Math.min(1e6, Math.max(-1e6, Number(value.value)))); else this.fresh(); };
    name.onchange = () => this.keep({ do: "name", dim, name: name.value.trim() });
    lock.onclick = () => {
      const on = !this.locked.has(dim);
      if (on) this.locked.add(dim); else this.locked.delete(dim);
      lock.setAttribute("aria-pressed", String(on)); input.disabled = value.disabled = on;
    };
    // a click on the strip goes to what it shows
    strip.onclick = (event) => {
      if (this.locked.has(dim)) return;
      const box = strip.getBoundingClientRect(), k = Math.min(THUMBS - 1, Math.floor((event.clientX - box.left) / box.width * THUMBS));
      this.single(dim, this.values(dim)[k]);
    };
    return box;
  }

  // how far the data goes per dimension, {low, high}, or null and why that is not known
  reach(span, why) {
    this.span = span;
    if (!span && this.range === "data") this.range = "prior";
    // without a prior the data is the range to begin with
    if (span && !this.chosen && !this.hasPrior()) this.range = "data";
    for (const radio of this.root.querySelectorAll("[name=range]")) {
      radio.checked = radio.value === this.range;
      radio.disabled = radio.value === "data" && !span;
    }
    this.at("[data-n=range]").textContent = span ? "" : why;
    for (const [dim, slider] of this.sliders) this.bounds(dim, slider);
  }

  limits(dim) {
    const { span } = this;
    if (this.range === "data") return [span.low[dim], Math.max(span.high[dim], span.low[dim] + 0.01)];
    if (this.range === "free") {
      const far = span ? Math.max(6, 2 * Math.abs(span.low[dim]), 2 * Math.abs(span.high[dim])) : 6;
      return [-far, far];
    }
    return [-3, 3];
  }

  // a step stays within the range; from beyond its ends, where a typed number may be, it only leads back
  within(dim, from, step) {
    const [low, high] = this.limits(dim);
    return Math.min(Math.max(high, from), Math.max(Math.min(low, from), from + step));
  }

  values(dim) {
    const [low, high] = this.limits(dim);
    // the middle of each picture stands under the handle that would give it
    return Array.from({ length: THUMBS }, (_, k) => low + ((high - low) * (k + 0.5)) / THUMBS);
  }

  bounds(dim, slider) {
    const [low, high] = this.limits(dim);
    slider.input.min = low.toFixed(3); slider.input.max = high.toFixed(3);
  }

  // sliders as the code says; a handle stops at the end of its range, the number never does
  fresh() {
    for (const [dim, { input }] of this.sliders) {
      const v = String(this.code[dim]);
      if (input.value !== v) input.value = v;
    }
    // writing into a number field costs more than anything else here: some twenty times a second are enough
    clearTimeout(this.numbersTimer);
    if (performance.now() - (this.numbersAt || 0) > 50) this.numbers();
    else this.numbersTimer = setTimeout(() => this.numbers(), 60);
  }

  numbers() {
    this.numbersAt = performance.now();
    const busy = this.at("input:focus");
    for (const [dim, { value }] of this.sliders) {
      const v = String(this.code[dim]);
      if (value !== busy && value.value !== v) value.value = v;
    }
  }

  // ---------------------------------------------------------------- moving

  base() { return this.anchor ? this.anchor.code : this.code.map(() => 0); }

  begin() {
    if (this.gesture) return;
    this.gesture = true;
    this.past.push({ code: this.code, steps: this.steps });
    if (this.past.length > 200) this.past.shift();
    this.future = [];
  }

  endGesture() { this.gesture = false; this.rest(); }

  move(dim, value) {
    this.begin();
    const code = [...this.code];
    code[dim] = value;
    this.go(code, { along: true });
  }

  single(dim, value) {
    if (this.locked.has(dim)) return;
    this.halt(); this.endGesture(); this.move(dim, value); this.endGesture();
  }

  // somewhere else at once; locked dimensions stay
  jump(code, steps = this.steps) {
    this.halt();
    this.endGesture(); this.begin();
    this.steps = steps;
    this.go(this.unlocked(code));
    this.endGesture();
  }

  unlocked(code) { return code.map((v, d) => (this.locked.has(d) ? this.code[d] : v)); }

  // `remember`: it can be undone by itself; `along`: a step of the sliders, which the pins take too
  go(code, { remember = false, along = false } = {}) {
    if (remember) { this.gesture = false; this.begin(); this.gesture = false; }
    const before = this.code;
    this.code = Array.from(code, (v) => Math.round(v * 1000) / 1000);
    if (along) this.steps = this.steps.map((v, d) => v + this.code[d] - before[d]);
    this.fresh();
    this.paint();
    this.artist?.hold();
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => this.rest(), REST);
    clearTimeout(this.reportTimer);
    this.reportTimer = setTimeout(() => this.report(), REPORT);
    const undo = this.at("[data-do=undo]"), redo = this.at("[data-do=redo]");
    if (undo.disabled !== !this.past.length) undo.disabled = !this.past.length;
    if (redo.disabled !== !this.future.length) redo.disabled = !this.future.length;
  }

  // while the anchor is looked at, it stays on the picture, whatever else moves
  paint() { this.picture?.draw(this.comparing ? this.base() : this.code); }

  step(from, to) {
    if (!from.length) return;
    this.halt(); this.gesture = false;
    to.push({ code: this.code, steps: this.steps });
    const back = from.pop();
    this.steps = back.steps;
    this.go(back.code);
  }

  report() {
    // a code that is still moving is nobody's link
    if (this.held || this.playing) { clearTimeout(this.reportTimer); this.reportTimer = setTimeout(() => this.report(), REPORT); return; }
    const packed = this.tools?.pack(this.code);
    if (!packed || packed === this.reported) return;
    this.reported = packed;
    // with the time, since the page may have gone elsewhere and back again: the same code is news then
    this.tell.setStateValue("code", { run: this.data.run, z: packed, at: Date.now() });
  }

  // one change of the names or bookmarks. All that the page has not heard to be kept is told again with it
  keep(change) {
    this.changes.push({ ...change, n: ++this.changed });
    this.mark();
    this.tell.setStateValue("marks", { run: this.data.run, page: this.page, changes: this.changes });
  }

  // what the notes hold, which another page may have changed, and on top of it what was changed here since
  mark() {
    const { names, bookmarks, kept } = this.data.marks, before = JSON.stringify([this.names, this.marks]);
    if (kept.page === this.page) this.changes = this.changes.filter(({ n }) => n > kept.n);
    this.names = { ...names }; this.marks = [...bookmarks];
    for (const { do: what, dim, name, code } of this.changes) {
      const k = code ? this.marks.findIndex((mark) => String(mark) === String(code)) : -1;
      if (what === "add") this.marks.push(code);
      else if (what === "remove" && k >= 0) this.marks.splice(k, 1);
      else if (what === "name") { if (name) this.names[dim] = name; else delete this.names[dim]; }
    }
    if (JSON.stringify([this.names, this.marks]) === before) return;
    const busy = this.at("input:focus");
    for (const [dim, slider] of this.sliders) if (slider.name !== busy) slider.name.value = this.names[dim] ?? "";
    this.drawShelf("marks");
  }

  // ---------------------------------------------------------------- after each picture

  painted(code) {
    this.shown = code;
    this.at("output.code").textContent = `[${code.map((v) => v.toFixed(3).replace(/\.?0+$/, "") || "0").join(", ")}]`;
    if (this.sigma && !this.same(code, this.sigma.code)) this.hideSigma();
    const now = performance.now();
    if (now - (this.trustedAt || 0) > 100) this.trust();
    else { clearTimeout(this.trustTimer); this.trustTimer = setTimeout(() => this.trust(), 110); }
    if (this.pins.length && this.steps !== this.stepped && this.picture.where === "browser") this.drawPins();
  }

  same(a, b) { return a.every((v, d) => Math.abs(v - b[d]) < 6e-4); }

  rest() {
    clearTimeout(this.restTimer);
    if (!this.artist) return;
    if (this.held || this.playing) { this.restTimer = setTimeout(() => this.rest(), REST); return; }
    this.artist.release();
    this.drawPins();
    for (const [dim, slider] of this.sliders) if (slider.seen) this.strip(dim, slider);
  }

  strip(dim, slider) {
    const code = [...this.code];
    code[dim] = 0;
    const signature = `${this.stamp} ${this.range} ${slider.input.min} ${slider.input.max} ${code}`;
    if (slider.signature === signature) return;
    slider.signature = signature;
    const codes = this.values(dim).map((v) => { const at = [...this.code]; at[dim] = v; return at; });
    const { width, height } = this.picture.decoder;
    this.artist.paint(`strip ${dim}`, codes, (image, k) => {
      if (slider.strip.width !== width * THUMBS) { slider.strip.width = width * THUMBS; slider.strip.height = height; }
      slider.strip.getContext("2d").putImageData(image, k * width, 0);
    }, { failed: () => { slider.signature = ""; } });
  }

  // ---------------------------------------------------------------- trust

  async meet() {
    const turn = this.turn, gone = () => !this.alive || turn !== this.turn;
    this.cloud = null;
    this.at("[data-n=near]").textContent = "reading the images…";
    for (let tries = 0; ; tries++) try {
      const head = await this.tools.fetchJson(`/api/runs/${this.data.run}/cloud.json`);
      const answer = head.wait ? { status: 202 } : await this.tools.get(`/api/runs/${this.data.run}/cloud-${head.version}.bin`);
      if (answer.status === 202) {  // being encoded, for this page or another
        tries = 0;
        await new Promise((go) => setTimeout(go, GATHER));
        if (gone()) return;
        continue;
      }
      const points = unpacked(await answer.arrayBuffer(), head.latent_dim);
      if (gone()) return;
      this.cloud = { ...head, ...points, all: points };
      break;
    } catch (error) {
      if (gone()) return;
      if ([410, 429].includes(error.status) && tries < 100) { await new Promise((go) => setTimeout(go, 300)); if (gone()) return; continue; }
      this.at("[data-n=near]").textContent = error.message || "nothing is known of the images";
      this.at("[data-n=percentile]").textContent = "–";
      this.reach(null, `data: ${error.message || "nothing is known of the images"}`);
      this.fresh(); this.rest();
      return;
    }
    this.survey();
    this.reach({ low: this.cloud.low, high: this.cloud.high });
    this.fresh();
    this.nearShown = -1;
    this.trust();
    this.rest();
    if (this.cloud.known > this.cloud.count) this.gather(this.cloud, gone);
  }

  // the nearest of all images, once the server has encoded them; until then, and if it cannot, of some
  async gather(cloud, gone) {
    for (;;) {
      await new Promise((go) => setTimeout(go, GATHER));
      if (gone() || this.cloud !== cloud) return;
      try {
        const answer = await this.tools.get(`/api/runs/${this.data.run}/crowd-${cloud.version}.bin`);
        if (answer.status === 202) continue;
        const all = unpacked(await answer.arrayBuffer(), cloud.latent_dim);
        if (gone() || this.cloud !== cloud) return;
        cloud.all = all;
        this.nearShown = -1;
        return this.trust();
      } catch (error) {
        if (error.status !== 429) return;
      }
    }
  }

  // percentile under the aggregate posterior, nearest known image, place on the map: all for the picture on show
  trust() {
    clearTimeout(this.trustTimer);
    this.trustedAt = performance.now();
    const { cloud, shown: z } = this;
    if (!cloud || !z) return;
    let square = 0;
    const away = z.map((v, d) => v - cloud.mean[d]);
    for (const row of cloud.whiten) {
      let sum = 0;
      for (let d = 0; d < away.length; d++) sum += row[d] * away[d];
      square += sum * sum;
    }
    const far = Math.sqrt(square), q = cloud.quantiles;
    let k = q.findIndex((v) => v > far);
    const percentile = k < 0 ? 100 : k === 0 ? 0 : k - 1 + (far - q[k - 1]) / Math.max(1e-12, q[k] - q[k - 1]);
    this.at("[data-n=percentile]").textContent = far > 1.5 * q[100] ? "far outside the data" : `${ordinal(Math.round(percentile))} percentile`;
    this.at(".usual").classList.toggle("odd", percentile > 99);
    let best = Infinity, near = 0;
    const { latent_dim: dims, known } = cloud, { points, index, labels, count } = cloud.all;
    for (let i = 0, p = 0; i < count; i++, p = i * dims) {
      let sum = 0;
      for (let d = 0; d < dims && sum < best; d++) { const v = points[p + d] - z[d]; sum += v * v; }
      if (sum < best) { best = sum; near = i; }
    }
    const label = labels[near], name = label < 0 ? "" : ` (${cloud.names[label] ?? label})`;
    this.at("[data-n=near]").textContent = `nearest: image ${index[near]}${name}, distance ${Math.sqrt(best).toFixed(2)}`;
    this.at("[data-n=near-what]").textContent = `of ${count.toLocaleString("en")}${count < known ? ` of the ${known.toLocaleString("en")}` : ""} ${cloud.what}${cloud.images ? "" : ", decoded from its code"}`;
    if (near !== this.nearShown) { this.nearShown = near; this.drawNear(near); }
    this.drawPlace();
  }

  async drawNear(near) {
    const canvas = this.at(".near canvas"), { width, height } = this.picture.decoder, { cloud } = this;
    const context = canvas.getContext("2d");
    const sized = () => { if (canvas.width !== width) { canvas.width = width; canvas.height = height; } };
    if (!cloud.images) {
      const code = Array.from(cloud.all.points.subarray(near * cloud.latent_dim, (near + 1) * cloud.latent_dim));
      this.artist.paint("near", [code], (image) => { if (near === this.nearShown) { sized(); context.putImageData(image, 0, 0); } }, { urgent: true });
      return;
    }
    const picture = new Image();
    picture.src = `/api/runs/${this.data.run}/image/${cloud.all.index[near]}.png`;
    try { await picture.decode(); } catch { return; }
    if (near === this.nearShown) { sized(); context.drawImage(picture, 0, 0, width, height); }
  }

  // the images on their two principal axes, drawn once; then a dot for where we are
  survey() {
    const { cloud } = this, canvas = this.at(".place canvas"), size = canvas.width, dims = cloud.latent_dim;
    const spots = Array.from({ length: cloud.count }, (_, i) => this.project(cloud.points.subarray(i * dims, (i + 1) * dims)));
    const edge = (k, share) => spots.map((s) => s[k]).sort((a, b) => a - b)[Math.floor(share * (spots.length - 1))];
    const middle = [0, 1].map((k) => (edge(k, 0.005) + edge(k, 0.995)) / 2);
    const scale = (0.44 * size) / Math.max(1e-6, ...[0, 1].map((k) => (edge(k, 0.995) - edge(k, 0.005)) / 2));
    this.toMap = ([x, y]) => [size / 2 + (x - middle[0]) * scale, size / 2 - (y - middle[1]) * scale];
    this.map = el("canvas", { width: size, height: size });
    const context = this.map.getContext("2d");
    context.globalAlpha = 0.5;
    spots.forEach((spot, i) => {
      const [x, y] = this.toMap(spot);
      context.fillStyle = COLOURS[Math.max(0, cloud.labels[i]) % COLOURS.length];
      context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
    });
    this.at("[data-n=axes]").textContent = dims > 2 ? "where this lies among the images, along their two main directions" : "where this lies among the images";
  }

  project(z) {
    return this.cloud.axes.map((axis) => axis.reduce((sum, v, d) => sum + v * (z[d] - this.cloud.mean[d]), 0));
  }

  drawPlace() {
    const canvas = this.at(".place canvas"), context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.map, 0, 0);
    const [x, y] = this.toMap(this.project(this.shown)), inside = Math.min(canvas.width - 4, Math.max(4, x)), up = Math.min(canvas.height - 4, Math.max(4, y));
    context.beginPath(); context.arc(inside, up, 5, 0, 7); context.lineWidth = 4; context.strokeStyle = "#fff"; context.stroke();
    context.lineWidth = 2; context.strokeStyle = "#D55E00"; context.stroke();
  }

  // ---------------------------------------------------------------- anchor, comparison, uncertainty

  setAnchor(anchor, go) {
    this.anchor = { ...anchor, code: Array.from(anchor.code, (v) => Math.round(v * 1000) / 1000) };
    this.hideSigma();
    if (go) this.jump(this.anchor.code);
    this.drawAnchor();
  }

  async drawAnchor() {
    const { anchor } = this, canvas = this.at(".anchor canvas");
    this.at(".anchor").hidden = !anchor;
    this.at("[data-do=sigma]").disabled = !anchor?.std;
    if (!anchor || !this.picture) return;
    this.at("[data-n=anchor]").textContent = `anchor: ${anchor.words}${anchor.note ? `, ${anchor.note}` : ""}`;
    const { width, height } = this.picture.decoder;
    if (anchor.image) { canvas.width = width; canvas.height = height; canvas.getContext("2d").putImageData(anchor.image, 0, 0); return; }
    if (!anchor.picture) {
      this.artist.paint("anchor", [anchor.code], (image) => { canvas.width = width; canvas.height = height; canvas.getContext("2d").putImageData(image, 0, 0); }, { urgent: true });
      return;
    }
    const picture = new Image();
    picture.src = anchor.picture;
    try { await picture.decode(); } catch { return; }
    canvas.width = width; canvas.height = height;
    canvas.getContext("2d").drawImage(picture, 0, 0, width, height);
  }

  compare(on) {
    if (this.comparing === on || !this.picture) return;
    this.comparing = on;
    this.at("[data-do=compare]").classList.toggle("on", on);
    this.paint();
  }

  sigmaToggle() {
    if (this.sigma) return this.hideSigma();
    const { anchor } = this;
    if (!anchor?.std) return;
    const kept = [...this.locked].filter((d) => Math.abs(this.code[d] - anchor.code[d]) >= 6e-4);
    if (kept.length) return this.say(`Uncertainty is that of the anchor's code: unlock ${kept.map((d) => `z${d}`).join(", ")} first.`);
    if (!this.same(this.code, anchor.code)) this.jump(anchor.code);
    const random = this.tools.seeded(11), { width, height } = this.picture.decoder, stamp = this.stamp;
    const codes = Array.from({ length: SAMPLES }, () => anchor.code.map((v, d) => v + anchor.std[d] * this.tools.gaussian(random)));
    const sum = new Float64Array(3 * width * height), squares = new Float64Array(3 * width * height);
    let done = 0;
    this.sigma = { code: anchor.code };
    this.at("[data-do=sigma]").setAttribute("aria-pressed", "true");
    this.say(`Decoding ${SAMPLES} posterior samples…`);
    this.artist.release();
    this.artist.paint("sigma", codes, ({ data }) => {
      for (let p = 0, i = 0; i < data.length; i += 4) for (let c = 0; c < 3; c++, p++) { const v = data[i + c] / 255; sum[p] += v; squares[p] += v * v; }
      if (++done < SAMPLES || this.sigma?.code !== anchor.code || stamp !== this.stamp) return;
      const deviation = new Float64Array(width * height);
      for (let p = 0; p < deviation.length; p++) {
        let variance = 0;
        for (let c = 0; c < 3; c++) { const m = sum[3 * p + c] / SAMPLES; variance += Math.max(0, squares[3 * p + c] / SAMPLES - m * m) / 3; }
        deviation[p] = Math.sqrt(variance * SAMPLES / (SAMPLES - 1));
      }
      const most = Math.max(...deviation, 1e-9), overlay = this.at("canvas.overlay"), image = new ImageData(width, height);
      deviation.forEach((v, p) => { const share = v / most; image.data.set([213, 94, 0, 235 * share], 4 * p); });
      overlay.width = width; overlay.height = height;
      overlay.getContext("2d").putImageData(image, 0, 0);
      overlay.hidden = false;
      overlay.dataset.most = most.toFixed(4);
      this.say(`Orange: standard deviation of ${SAMPLES} decoded posterior samples, up to ${most.toFixed(2)} of full brightness.`);
    }, { failed: () => this.hideSigma(), urgent: true });
  }

  hideSigma() {
    if (this.sigma) this.say("");
    this.sigma = null;
    this.at("canvas.overlay").hidden = true;
    this.at("[data-do=sigma]").setAttribute("aria-pressed", "false");
  }

  // ---------------------------------------------------------------- pins, bookmarks, samples

  // a pin, moved by the steps that the sliders made since the newest one was set
  moved(pin) { return pin.map((v, d) => v + this.steps[d] - this.pinned[d]); }

  drawPins() {
    if (!this.artist || !this.pins.length) return;
    const canvases = this.root.querySelectorAll(".pins canvas"), { width, height } = this.picture.decoder;
    const codes = this.pins.map((pin) => this.moved(pin));
    this.stepped = this.steps;
    this.artist.paint("pins", codes, (image, k) => {
      const canvas = canvases[k];
      if (!canvas?.isConnected) return;
      if (canvas.width !== width) { canvas.width = width; canvas.height = height; }
      canvas.getContext("2d").putImageData(image, 0, 0);
    }, { urgent: true, finish: true });
  }

  drawShelf(kind) {
    const codes = kind === "pins" ? this.pins : this.marks, shelf = this.at(`.${kind}`);
    shelf.hidden = !codes.length;
    const canvases = codes.map(() => el("canvas", { width: 1, height: 1 }));
    shelf.querySelector("div").replaceChildren(...codes.map((code, k) => el("span", { className: "kept" },
      el("button", { type: "button", "aria-label": `${kind === "pins" ? "pin" : "bookmark"} ${k + 1}`, onclick: () => this.jump(kind === "pins" ? this.moved(code) : code) }, canvases[k]),
      el("button", { type: "button", className: "drop", textContent: "×", "aria-label": `remove ${kind === "pins" ? "pin" : "bookmark"} ${k + 1}`, onclick: () => { if (kind === "marks") return this.keep({ do: "remove", code }); codes.splice(k, 1); this.drawShelf(kind); } }))));
    if (!this.artist || !codes.length) return;
    if (kind === "pins") return this.drawPins();
    const { width, height } = this.picture.decoder;
    this.artist.paint("marks", codes, (image, k) => {
      canvases[k].width = width; canvases[k].height = height;
      canvases[k].getContext("2d").putImageData(image, 0, 0);
    }, { urgent: true });
  }

  gallery() {
    if (!this.at(".gallery").open || !this.artist) return;
    const n = Number(this.at(".gallery select").value), side = Math.sqrt(n), temperature = Number(this.at(".gallery input").value);
    this.at(".gallery output").textContent = temperature.toFixed(2);
    // the same noise at every temperature, so that only the temperature changes the pictures
    const random = this.tools.seeded(this.seed), { width, height, latent_dim } = this.picture.decoder, canvas = this.at(".gallery canvas");
    this.sheet = Array.from({ length: n }, () => Array.from({ length: latent_dim }, () => temperature * this.tools.gaussian(random)));
    if (canvas.width !== side * width) { canvas.width = side * width; canvas.height = side * height; }
    canvas.dataset.done = "0";
    this.artist.paint("gallery", this.sheet, (image, k) => {
      canvas.getContext("2d").putImageData(image, (k % side) * width, Math.floor(k / side) * height);
      canvas.dataset.done = String(Number(canvas.dataset.done) + 1);
    }, { urgent: true });
  }

  // ---------------------------------------------------------------- playing

  halt() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    const button = this.at("[data-do=play]");
    button.textContent = "Play"; button.setAttribute("aria-pressed", "false");
    this.endGesture();
  }

  play() {
    if (this.playing) return this.halt();
    this.endGesture(); this.begin();
    const button = this.at("[data-do=play]");
    button.textContent = "Pause"; button.setAttribute("aria-pressed", "true");
    const station = () => this.code.map((v, d) => (this.locked.has(d) ? v : this.tools.gaussian(Math.random)));
    let from = [...this.code], to = station(), t = 0, last = performance.now();
    const frame = (now) => {
      this.playing = requestAnimationFrame(frame);
      t += (Math.min(100, now - last) / 1000 / LEG_SECONDS) * Number(this.at("[aria-label=speed]").value);
      last = now;
      if (t >= 1) { t -= 1; from = to; to = station(); }
      const eased = t * t * (3 - 2 * t), code = this.tools.slerp(from, to, eased);
      this.go(this.unlocked(code));
    };
    this.playing = requestAnimationFrame(frame);
  }

  // ---------------------------------------------------------------- drawing

  drawingPad() {
    return makePad({
      tools: this.tools, canvas: this.at(".pad"), seen: this.at(".seen"),
      weights: () => ({ run: this.data.run, stamp: this.stamp }),
      answered: (found, image) => {
        const renewed = this.renewing && !this.pad.down;
        this.renewing = false;
        this.setAnchor({ code: found.mean, std: found.std.some((v) => v > 0) ? found.std : null, words: "your drawing", note: renewed ? "encoded anew" : "", image }, false);
        if (renewed) return;
        this.halt();
        if (!this.pad.down) this.gesture = false;
        this.begin();
        this.go(this.unlocked(this.anchor.code));
        if (!this.pad.down) this.endGesture();
        this.say(this.locked.size ? "Locked dimensions stay, so the large picture is not the drawing's own reconstruction." : "");
      },
      refused: (error) => {
        if (error.status === 410) this.owed = true;
        this.refused(error);
        if (![404, 410].includes(error.status)) this.say(`The drawing could not be encoded: ${error.message}.`);
      },
    });
  }

  // ---------------------------------------------------------------- wiring

  async copy(text, what) {
    try { await navigator.clipboard.writeText(text); this.say(`${what} copied.`); } catch {
      // no clipboard without a secure address: leave it selected for the person to copy
      const area = el("textarea", { value: text, className: "copy", readOnly: true });
      this.at(".say").replaceChildren("Copy this: ", area);
      area.select();
    }
  }

  wire() {
    const actions = {
      random: () => this.jump(this.code.map(() => this.tools.gaussian(Math.random))),
      image: () => {
        if (!this.cloud) return this.say("No codes of images are known yet.");
        const i = Math.floor(Math.random() * this.cloud.count), d = this.cloud.latent_dim;
        this.jump(Array.from(this.cloud.points.subarray(i * d, (i + 1) * d)));
      },
      play: () => this.play(),
      undo: () => this.step(this.past, this.future),
      redo: () => this.step(this.future, this.past),
      reset: () => this.jump(this.base(), this.pinned.map((v, d) => (this.locked.has(d) ? this.steps[d] : v))),
      zero: () => this.jump(this.code.map(() => 0)),
      mark: () => {
        if (this.marks.length >= MOST_MARKS) return this.say(`${MOST_MARKS} bookmarks at most; remove one first.`);
        this.keep({ do: "add", code: [...this.code] });
      },
      pin: () => {
        if (this.pins.length >= 8) return this.say("Eight pins at most; remove one first.");
        // from here on steps are counted from here, and the others stay where they have come to
        this.pins = [...this.pins.map((pin) => this.moved(pin)), [...this.code]];
        this.pinned = this.steps;
        this.drawShelf("pins");
      },
      sigma: () => this.sigmaToggle(),
      json: () => this.copy(JSON.stringify(this.shown), "The code as JSON was"),
      python: () => this.copy(`import vae_core as vc\n\nrun = vc.load(${[JSON.stringify(this.data.name), ...(this.data.home ? [`home=${JSON.stringify(this.data.home)}`] : [])].join(", ")})\nimage = run.decode([${this.shown.join(", ")}])[0]  # (channels, height, width) in [0, 1]\n`, "Python lines were"),
      link: () => { const url = new URL(location.href); url.searchParams.set("run", this.data.run); url.searchParams.set("z", this.tools.pack(this.shown)); this.copy(url.href, "The link was"); },
      station: () => this.tell.setStateValue("station", { run: this.data.run, z: this.tools.pack(this.shown ?? this.code), at: Date.now() }),
      samples: () => { this.seed++; this.gallery(); },
      sheet: () => this.at(".gallery canvas").toBlob((blob) => {
        const a = el("a", { href: URL.createObjectURL(blob), download: `${this.data.name}-samples.png` });
        a.click();
        setTimeout(() => URL.revokeObjectURL(a.href), 1000);
      }),
      clear: () => this.pad.clear(),
    };
    for (const [name, act] of Object.entries(actions)) this.at(`[data-do=${name}]`).onclick = () => { if (this.picture) act(); };

    const compare = this.at("[data-do=compare]");
    compare.onpointerdown = (event) => { compare.setPointerCapture(event.pointerId); this.compare(true); };
    compare.onpointerup = compare.onpointercancel = compare.onblur = () => this.compare(false);
    compare.onkeydown = (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); this.compare(true); } };
    compare.onkeyup = () => this.compare(false);

    for (const radio of this.root.querySelectorAll("[name=range]")) radio.onchange = () => {
      this.range = radio.value; this.chosen = true;
      for (const [dim, slider] of this.sliders) this.bounds(dim, slider);
      this.fresh(); this.rest();
    };
    this.at(".gallery").ontoggle = this.at(".gallery select").onchange = this.at(".gallery input").oninput = () => this.gallery();
    this.at(".gallery canvas").onclick = (event) => {
      if (!this.picture) return;  // until the next run's samples are there, those on the sheet are of the run before
      const canvas = event.currentTarget, box = canvas.getBoundingClientRect(), side = Math.sqrt(this.sheet.length);
      const column = Math.floor(((event.clientX - box.left) / box.width) * side), row = Math.floor(((event.clientY - box.top) / box.height) * side);
      this.jump(this.sheet[row * side + column]);
    };

    // while a hand is on the deck nothing but the large picture is decoded
    this.root.addEventListener("pointerdown", () => { this.held = true; });
    this.release = () => { if (this.held) { this.held = false; this.endGesture(); } };
    addEventListener("pointerup", this.release);
    addEventListener("pointercancel", this.release);
    this.root.addEventListener("pointerdown", (event) => { if (event.target.matches(".slider input[type=range]")) this.halt(); });
    this.root.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.type === "text" || event.target.type === "number") return;
      event.preventDefault();
      if (event.shiftKey) this.step(this.future, this.past); else this.step(this.past, this.future);
    });
    this.root.addEventListener("keyup", (event) => { if (event.target.matches(".slider input[type=range]")) this.endGesture(); });

    const { canvas } = this;
    canvas.onpointerdown = (event) => {
      if (!this.picture) return;
      this.halt();
      canvas.setPointerCapture(event.pointerId);
      this.drag = { x: event.clientX, y: event.clientY, code: this.code };
    };
    canvas.onpointermove = (event) => {
      if (!this.drag) return;
      const box = canvas.getBoundingClientRect(), code = [...this.drag.code];
      const moved = [(event.clientX - this.drag.x) / box.width, (this.drag.y - event.clientY) / box.height];
      [...this.root.querySelectorAll("[data-pick]")].forEach((select, k) => {
        const dim = Number(select.value), [low, high] = this.limits(dim);
        if (!this.locked.has(dim)) code[dim] = this.within(dim, this.drag.code[dim], moved[k] * (high - low));
      });
      this.begin();
      this.go(code, { along: true });
    };
    canvas.onpointerup = canvas.onpointercancel = () => { this.drag = null; };
  }

  stop() {
    this.alive = false;
    this.halt();
    this.picture?.close(); this.artist?.close(); this.pad?.close(); this.watcher?.disconnect();
    for (const timer of [this.numbersTimer, this.restTimer, this.reportTimer, this.trustTimer, this.asking]) clearTimeout(timer);
    removeEventListener("pointerup", this.release);
    removeEventListener("pointercancel", this.release);
  }
}

function ordinal(n) {
  const tail = n % 100 > 10 && n % 100 < 14 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] ?? "th";
  return `${n}${tail}`;
}

// what resources.Cloud.points packs: means of `dims` dimensions, image numbers and classes
function unpacked(buffer, dims) {
  const count = buffer.byteLength / 4 / (dims + 2);
  return {
    count, points: new Float32Array(buffer, 0, count * dims), index: new Int32Array(buffer, 4 * count * dims, count),
    labels: new Int32Array(buffer, 4 * count * (dims + 1), count),
  };
}
