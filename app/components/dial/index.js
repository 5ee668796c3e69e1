import * as tools from "../shared/decoder.js";
import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data.
const REST = 400;  // milliseconds without a move until the page is told
const BUDGET = 10;  // milliseconds of a frame that pictures may take, the browser needs the rest; those that are left come in the next
const MOST_WORKERS = 4, MOST_FLOATS = 16e6;  // weights of all of them together
const SECONDS = 6;  // from end to end when it plays
const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C", "#5D3A9B", "#7A5C2E"];
const SVG = "http://www.w3.org/2000/svg";

export default mounted((root) => new BetaDial(root), (dial, component) => dial.show(component.data, component));

const svg = (tag, props, ...children) => {
  const found = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) found.setAttribute(name, value);
  found.append(...children);
  return found;
};
const word = (beta) => Number(beta.toPrecision(3)).toString();

class BetaDial {
  constructor(root) {
    this.at = (selector) => root.querySelector(selector);
    this.box = this.at(".dial"); this.input = this.at("input"); this.playButton = this.at(".play");
    this.alive = true; this.cells = []; this.next = 0; this.edition = 0; this.workers = []; this.playing = false; this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.input.oninput = () => { this.play(false); this.turn(this.betaAt(Number(this.input.value))); };
    this.input.onkeydown = (event) => this.key(event);
    this.playButton.onclick = () => this.play(!this.playing);
    this.watch = new ResizeObserver(() => { this.axes(); this.draw(); });
    this.watch.observe(this.at(".charts"));
    this.sight = new IntersectionObserver((seen) => { for (const { target, isIntersecting } of seen) for (const cell of this.cells) if (cell.canvas === target) cell.seen = isIntersecting; });
  }

  stop() {
    this.alive = false;
    this.play(false);
    clearTimeout(this.resting); clearTimeout(this.asking);
    cancelAnimationFrame(this.drawing);
    this.dismiss();
    this.watch.disconnect(); this.sight.disconnect();
  }

  async show(data, tell) {
    const before = this.data, turn = (this.order = (this.order || 0) + 1);
    this.data = data; this.tell = tell;
    const { lowest, highest } = data.header;
    this.span = Math.log(highest / lowest);
    if (!before || before.run !== data.run) this.beta = Math.min(highest, Math.max(lowest, data.beta));
    this.at(".charts").style.display = data.stops ? "" : "none";
    this.ticks();
    this.write();
    try {
      let fresh = !before || before.run !== data.run || before.header.stamp !== data.header.stamp || !this.network;
      if (fresh) {
        this.network = null;
        this.dismiss();
        const network = await tools.loadDial(data.run, data.header);
        if (!this.alive || turn !== this.order) return;
        this.network = network;
        this.hire();
      }
      const [images, noise, points, colours] = await Promise.all([
        data.images && tools.fetchArray(data.images, Uint8Array), tools.fetchArray(data.noise, Float32Array),
        data.points && tools.fetchArray(data.points, Float32Array), data.colours && tools.fetchArray(data.colours, Uint8Array),
      ]);
      if (!this.alive || turn !== this.order) return;
      Object.assign(this, { images, noise, points, colours });
      this.say("");
      // the page is told of β at every rest and hands the same data back: what stands is not drawn anew
      const { width, height, channels, latent_dim } = data.header;
      const places = [data.run, width, height, channels, latent_dim, images?.length, noise.length, data.dims, data.values].join();
      const shown = [data.images, data.noise].join(), charts = JSON.stringify([data.stops, data.others]);
      if (places !== this.places) this.layOut();
      if (places !== this.places || shown !== this.shown) { this.fill(); fresh = true; }
      if (charts !== this.charts) this.axes();
      Object.assign(this, { places, shown, charts, marked: null });
      if (fresh) this.turn(this.beta, true); else this.draw();
    } catch (error) {
      if (!this.alive || turn !== this.order) return;
      if (error.status === 410) { this.say("The run's weights changed: the dial is being opened anew…"); tools.outdated(this); }
      else if (error.status === 404) this.say("This run was deleted. Choose another one.");
      else this.say(`The dial could not be opened: ${error.message}. Reload the page to try again.`);
    }
  }

  say(text) { this.at(".say").textContent = text; }

  // ---------------------------------------------------------------- turning

  betaAt(share) { return this.data.header.lowest * Math.exp(share * this.span); }
  shareOf(beta) { return Math.log(beta / this.data.header.lowest) / this.span; }

  turn(beta, quietly) {
    const { lowest, highest } = this.data.header;
    this.beta = Math.min(highest, Math.max(lowest, beta));
    this.input.value = this.shareOf(this.beta);
    for (const cell of this.cells) cell.old = true;
    this.box.dataset.waiting = "true";
    this.write();
    this.draw();
    this.feed();
    if (quietly) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tell.setStateValue("beta", Number(word(this.beta))), REST);
  }

  key(event) {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (by === undefined && event.key !== "1") return;
    event.preventDefault();
    this.play(false);
    if (event.key === "1") this.turn(1); else this.turn(this.betaAt(Math.min(1, Math.max(0, this.shareOf(this.beta) + by * (event.shiftKey ? 0.1 : 0.01)))));
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.playButton.textContent = on ? "Pause" : "Play"; this.playButton.setAttribute("aria-pressed", String(on));
    cancelAnimationFrame(this.timer);
    if (!on) { if (this.alive && this.network) this.turn(this.beta); return; }
    let share = this.shareOf(this.beta), way = share > 0.995 ? -1 : 1, last = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      this.timer = requestAnimationFrame(step);
      if (this.calm.matches && now - last < 700) return;  // less motion was asked for
      share += way * (this.calm.matches ? 0.1 : Math.min(0.1, (now - last) / 1000 / SECONDS));
      last = now;
      if (share >= 1 || share <= 0) { way = -way; share = Math.min(1, Math.max(0, share)); }
      this.turn(this.betaAt(share), true);
    };
    this.timer = requestAnimationFrame(step);
  }

  write() {
    const output = this.at(".turn output"), at = this.between();
    output.firstChild.textContent = `β ${word(this.beta)}`;
    output.lastChild.textContent = at ? `rate ${at.rate.toFixed(1)}, distortion ${at.distortion.toFixed(1)} nats` : "";
    this.input.setAttribute("aria-valuetext", `β ${word(this.beta)}${at ? `, rate ${at.rate.toFixed(1)}, distortion ${at.distortion.toFixed(1)} nats` : ""}`);
  }

  ticks() {
    const { lowest, highest } = this.data.header, found = [];
    for (let power = -4; power < 4; power++) for (const lead of [1, 3]) {
      const beta = lead * 10 ** power;
      if (beta < lowest * 0.999 || beta > highest * 1.001) continue;
      const tick = document.createElement("span");
      tick.textContent = word(beta); tick.style.left = `${100 * this.shareOf(beta)}%`;
      found.push(tick);
    }
    this.at(".ticks").replaceChildren(...found);
    this.input.value = this.shareOf(this.beta);
  }

  // where β lies among the stops: the lower one and the share of the way to the next, over log β
  between() {
    const { stops } = this.data;
    if (!stops) return null;
    const x = Math.log(this.beta), logs = stops.betas.map(Math.log);
    let low = 0;
    while (low < logs.length - 2 && logs[low + 1] <= x) low++;
    const share = Math.min(1, Math.max(0, (x - logs[low]) / (logs[low + 1] - logs[low])));
    const mix = (values) => values[low] + share * (values[low + 1] - values[low]);
    return { low, share, rate: mix(stops.rate), distortion: mix(stops.distortion), kl: stops.kl[low].map((v, d) => v + share * (stops.kl[low + 1][d] - v)) };
  }

  // ---------------------------------------------------------------- pictures

  layOut() {
    const { width, height, channels, latent_dim: dims } = this.data.header, { values } = this.data;
    this.sight.disconnect();
    const put = (selector, count) => {
      this.at(selector).hidden = !count;
      const cells = Array.from({ length: count }, () => {
        const canvas = document.createElement("canvas");
        canvas.width = width; canvas.height = height;
        return { canvas, image: new ImageData(width, height), old: true, busy: false, seen: true, source: null };
      });
      this.at(`${selector} div`).replaceChildren(...cells.map((c) => c.canvas));
      return cells;
    };
    const count = this.images ? this.images.length / (width * height * channels) : 0;
    this.originals = put(".originals", count);
    this.rebuilt = put(".rebuilt", count);
    this.samples = put(".samples", this.noise.length / dims);
    this.walks = put(".walks", this.data.dims.length * values.length);
    this.at(".walks figcaption").textContent = `traversals of ${this.data.dims.map((d) => `z${d}`).join(", ")} from ${values[0]} to ${values.at(-1)}`.replace("-", "−");
    this.cells = [...this.rebuilt, ...this.samples, ...this.walks];
    this.next = 0;
    for (const { canvas } of this.cells) this.sight.observe(canvas);
  }

  // what each picture is made from: an image, encoded at every β anew, or a code
  fill() {
    const { header, values, dims } = this.data, size = header.width * header.height * header.channels, D = header.latent_dim;
    const image = (i) => this.images.subarray(i * size, (i + 1) * size);
    this.originals.forEach((cell, i) => cell.canvas.getContext("2d").putImageData(tools.rgba(image(i), header), 0, 0));
    this.rebuilt.forEach((cell, i) => { cell.source = { picture: Float32Array.from(image(i), (v) => v / 255) }; });
    this.samples.forEach((cell, i) => { cell.source = { code: this.noise.slice(i * D, (i + 1) * D) }; });
    this.walks.forEach((cell, i) => {
      const code = new Float32Array(D);
      code[dims[Math.floor(i / values.length)]] = values[i % values.length];
      cell.source = { code };
    });
    this.edition++;
    for (const cell of this.cells) cell.busy = false;
    for (const worker of this.workers) this.brief(worker);
  }

  draw() { if (this.network) this.drawing ||= requestAnimationFrame(() => { this.drawing = 0; this.frame(); }); }

  // With workers beside it the page renews the first picture in view at every frame, and then takes its turn at the
  // others with them. Where it is alone, that picture would leave it no time for the rest.
  lead() { return this.workers.some((worker) => worker.ready) ? this.cells.findIndex((cell) => cell.seen) : -1; }

  // The picture to renew next: those in view in turn, so that all keep up alike, then the others.
  pick(but = -1) {
    let hidden = -1;
    for (let i = 0; i < this.cells.length; i++) {
      const k = (this.next + i) % this.cells.length, cell = this.cells[k];
      if (!cell.old || cell.busy || !cell.source || k === but) continue;
      if (cell.seen) { this.next = (k + 1) % this.cells.length; return k; }
      if (hidden < 0) hidden = k;
    }
    return hidden;
  }

  put(cell, image, beta) {
    cell.canvas.getContext("2d").putImageData(image, 0, 0);
    cell.canvas.dataset.beta = word(beta);
    cell.old = beta !== this.beta;
  }

  // the curve and the map at once; pictures one after the other, as many as a frame has room for
  frame() {
    if (!this.alive || !this.network) return;
    const began = performance.now(), first = this.lead();
    this.network.turn(this.beta);
    if (this.marked !== this.beta) { this.mark(); this.scatter(); this.marked = this.beta; }
    const ahead = this.cells[first], due = ahead?.old && !ahead.busy && ahead.source;
    for (let k = due ? first : this.pick(); k >= 0; k = this.pick()) {
      const cell = this.cells[k];
      this.put(cell, this.network.paintSource(cell.source, cell.image), this.beta);
      if (performance.now() - began > BUDGET) break;
    }
    this.box.dataset.frame = String(Number(this.box.dataset.frame) + 1);
    this.box.dataset.beta = String(this.beta);
    this.rest();
  }

  // goes on as long as a picture is old that nobody works at
  rest() {
    this.box.dataset.waiting = String(this.cells.some((cell) => cell.old || cell.busy));
    if (this.cells.some((cell) => cell.old && !cell.busy)) this.draw();
  }

  // ---------------------------------------------------------------- workers beside the page

  // one for each core that is left over; where there are none the page does it all
  hire() {
    const { run, header } = this.data;
    const count = Math.min(MOST_WORKERS, (navigator.hardwareConcurrency || 1) - 1, Math.floor(MOST_FLOATS / header.floats));
    for (let i = 0; i < count; i++) {
      let thread;
      try { thread = new Worker(new URL("../shared/turner.js", import.meta.url), { type: "module" }); } catch { return; }
      const worker = { thread, ready: false, at: null };
      thread.onmessage = ({ data }) => this.heard(worker, data);
      thread.onerror = () => this.lose(worker);
      thread.postMessage({ run, header });
      this.workers.push(worker);
    }
  }

  dismiss() {
    for (const worker of [...this.workers]) this.lose(worker);
  }

  // what it was at is done by others
  lose(worker) {
    worker.thread.terminate();
    this.workers = this.workers.filter((other) => other !== worker);
    this.box.dataset.workers = String(this.workers.filter((other) => other.ready).length);
    if (worker.at) worker.at.busy = false;
    this.draw();
  }

  brief(worker) {
    if (!worker.ready || !this.cells.length) return;
    worker.at = null;
    worker.thread.postMessage({ sources: this.cells.map((cell) => cell.source), edition: this.edition });
  }

  heard(worker, answer) {
    if (!this.workers.includes(worker)) return;
    if (answer.failed) return this.lose(worker);
    if (answer.ready) {
      worker.ready = true;
      this.box.dataset.workers = String(this.workers.filter((other) => other.ready).length);
      this.brief(worker);
    } else if (answer.edition === this.edition) {
      const cell = this.cells[answer.k], { width, height } = this.data.header;
      worker.at = null;
      cell.busy = false;
      this.put(cell, new ImageData(new Uint8ClampedArray(answer.pixels), width, height), answer.beta);
    }
    this.feed();
    this.rest();
  }

  feed() {
    for (const worker of this.workers) {
      if (!worker.ready || worker.at) continue;
      const k = this.pick(this.lead());
      if (k < 0) return;
      worker.at = this.cells[k];
      worker.at.busy = true;
      worker.thread.postMessage({ k, beta: this.beta });
    }
  }

  // ---------------------------------------------------------------- charts

  axes() {
    const { stops, others } = this.data ?? {}, box = this.at(".curve"), bars = this.at(".bars");
    this.marked = null;
    if (!stops || !box.clientWidth) { box.replaceChildren(); bars.replaceChildren(); return; }
    const W = box.clientWidth, H = box.clientHeight, L = 46, R = 14, T = 12, B = 34;
    const xs = [...stops.rate, ...others.map((o) => o.rate)], ys = [...stops.distortion, ...others.map((o) => o.distortion)];
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.x = (v) => L + ((v - x0) / Math.max(1e-9, x1 - x0)) * (W - L - R);
    this.y = (v) => H - B - ((v - y0) / Math.max(1e-9, y1 - y0)) * (H - T - B);
    const nice = (low, high) => { const step = 10 ** Math.floor(Math.log10((high - low) / 3)) * ([1, 2, 5].find((m) => (high - low) / (m * 10 ** Math.floor(Math.log10((high - low) / 3))) <= 5) ?? 10), found = []; for (let v = Math.ceil(low / step) * step; v <= high; v += step) found.push(Number(v.toPrecision(6))); return found; };
    const grid = (x) => ({ stroke: "currentcolor", "stroke-opacity": 0.12, ...x });
    box.setAttribute("viewBox", `0 0 ${W} ${H}`);
    this.cursor = svg("circle", { r: 8, fill: "none", stroke: COLOURS[5], "stroke-width": 3 });
    box.replaceChildren(
      ...nice(x0, x1).flatMap((v) => [svg("line", grid({ x1: this.x(v), x2: this.x(v), y1: T, y2: H - B })), svg("text", { x: this.x(v), y: H - B + 14, "text-anchor": "middle" }, String(v))]),
      ...nice(y0, y1).flatMap((v) => [svg("line", grid({ x1: L, x2: W - R, y1: this.y(v), y2: this.y(v) })), svg("text", { x: L - 5, y: this.y(v) + 4, "text-anchor": "end" }, String(v))]),
      svg("text", { x: (L + W - R) / 2, y: H - 4, "text-anchor": "middle" }, "rate"), svg("text", { x: 12, y: (T + H - B) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(T + H - B) / 2})` }, "distortion"),
      svg("polyline", { points: stops.rate.map((v, i) => `${this.x(v)},${this.y(stops.distortion[i])}`).join(" "), fill: "none", stroke: COLOURS[0], "stroke-width": 2 }),
      ...stops.rate.map((v, i) => svg("circle", { cx: this.x(v), cy: this.y(stops.distortion[i]), r: 3.5, fill: COLOURS[0] }, svg("title", {}, `the dial at β ${word(stops.betas[i])}`))),
      ...others.flatMap((o) => [svg("rect", { x: this.x(o.rate) - 4, y: this.y(o.distortion) - 4, width: 8, height: 8, fill: COLOURS[1], transform: `rotate(45 ${this.x(o.rate)} ${this.y(o.distortion)})` }, svg("title", {}, `${o.name}, trained at β ${word(o.beta)} alone`)), svg("text", { x: this.x(o.rate) + 8, y: this.y(o.distortion) - 6 }, word(o.beta))]),
      this.cursor,
    );
    const most = Math.max(...stops.kl.flat(), 0.1), D = stops.kl[0].length, w = bars.clientWidth, h = bars.clientHeight;
    // sorted by their KL at the smallest β, where most are in use
    const order = stops.kl[0].map((v, d) => d).sort((a, b) => stops.kl[0][b] - stops.kl[0][a]).slice(0, 32), step = (w - 50) / order.length;
    bars.setAttribute("viewBox", `0 0 ${w} ${h}`);
    this.height = (v) => (v / most) * (h - 46);
    this.bars = order.map((d, i) => ({ d, rect: svg("rect", { x: 40 + i * step + 0.12 * step, width: 0.76 * step, fill: COLOURS[0] }) }));
    bars.replaceChildren(
      ...nice(0, most).flatMap((v) => [svg("line", grid({ x1: 40, x2: w - 8, y1: h - 26 - this.height(v), y2: h - 26 - this.height(v) })), svg("text", { x: 34, y: h - 22 - this.height(v), "text-anchor": "end" }, String(v))]),
      ...this.bars.map((b) => b.rect), ...(D <= 20 ? order.map((d, i) => svg("text", { x: 40 + (i + 0.5) * step, y: h - 10, "text-anchor": "middle" }, `z${d}`)) : []),
    );
    this.floor = h - 26;
  }

  mark() {
    const at = this.between();
    if (!at || !this.cursor) return;
    this.cursor.setAttribute("cx", this.x(at.rate)); this.cursor.setAttribute("cy", this.y(at.distortion));
    for (const { d, rect } of this.bars) { const tall = Math.max(0.5, this.height(at.kl[d])); rect.setAttribute("y", this.floor - tall); rect.setAttribute("height", tall); }
  }

  // codes between two stops lie on the straight line between them
  scatter() {
    const canvas = this.at(".map"), { points, data } = this;
    canvas.parentElement.hidden = !points;
    const at = this.between();
    if (!points || !at || !canvas.clientWidth) return;
    const scale = devicePixelRatio || 1, W = Math.round(canvas.clientWidth * scale), H = Math.round(canvas.clientHeight * scale), n = points.length / data.stops.betas.length;
    if (canvas.width !== W || canvas.height !== H) { canvas.width = W; canvas.height = H; }
    if (this.reachOf !== points) {  // one scale for all βs, so that shrinking is seen as shrinking
      this.reachOf = points;
      this.reach = [0, 1].map((k) => { let most = 1e-6; for (let i = k; i < points.length; i += 2) most = Math.max(most, Math.abs(points[i])); return most; });
    }
    const context = canvas.getContext("2d"), k = 0.47 * Math.min(W / this.reach[0], H / this.reach[1]), size = 3 * scale;
    context.clearRect(0, 0, W, H);
    const a = points.subarray(at.low * n, at.low * n + n), b = points.subarray((at.low + 1) * n, (at.low + 2) * n);
    for (let colour = 0; colour < COLOURS.length; colour++) {
      context.fillStyle = COLOURS[colour];
      for (let i = 0; i < n / 2; i++) {
        if ((this.colours ? this.colours[i] % COLOURS.length : 0) !== colour) continue;
        const x = a[2 * i] + at.share * (b[2 * i] - a[2 * i]), y = a[2 * i + 1] + at.share * (b[2 * i + 1] - a[2 * i + 1]);
        context.fillRect(W / 2 + k * x - size / 2, H / 2 - k * y - size / 2, size, size);
      }
    }
  }
}
