import { openDecoder } from "../shared/decoder.js";
import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data.
const LEFT = 46, RIGHT = 10, TOP = 10, BOTTOM = 38;  // CSS pixels around the points; dots at the edge spill into them
const DENSE = 120_000;  // points in view beyond which their density is shaded: dots would only cover each other
const PICTURES = 4_000;  // points in view up to which images are shown: more would fetch every tile there is
const TILES = 160, ASKING = 2, TRIES = 8;  // tiles kept, asked for at a time, and failures in a row after which none is asked for again
const TWICE = 280;  // milliseconds in which a second click makes a double one
const REACH = 12;  // CSS pixels from a dot that still point at it
const SPOTS = 400;  // ellipses drawn at a time
const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#8C8C8C", "#5D3A9B", "#7A5C2E"];
const VIRIDIS = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
const NONE = [140, 146, 152];
const SELECTED = "latent-explorer-selected", POINTED = "latent-explorer-pointed";

export default mounted((root) => new LatentMap(root), (map, component) => { map.tell = component; map.show(component.data); });

const el = (tag, props = {}, ...children) => {
  const found = Object.assign(document.createElement(tag), props);
  for (const [name, value] of Object.entries(props)) if (name.startsWith("aria-")) found.setAttribute(name, value);
  found.append(...children);
  return found;
};
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const mix = (a, b, t) => a.map((v, i) => Math.round(v + (b[i] - v) * t));
const css = (c) => `rgb(${c.join(" ")})`;

// 256 colours, of which the last means that there is nothing to colour by
function palette(colour) {
  const found = Array.from({ length: 256 }, () => NONE);
  if (colour.kind === "classes") {
    // after ten colours the same ones lighter, then darker
    for (let i = 0; i < 255; i++) found[i] = mix(rgb(COLOURS[i % 10]), [[0, 0, 0], [255, 255, 255], [0, 0, 0]][Math.floor(i / 10) % 3], i < 10 ? 0 : 0.42);
  } else if (colour.kind === "numbers") {
    for (let i = 0; i < 255; i++) { const at = (i / 254) * 8, k = Math.min(7, Math.floor(at)); found[i] = mix(rgb(VIRIDIS[k]), rgb(VIRIDIS[k + 1]), at - k); }
  } else found.fill(rgb(COLOURS[0]));
  return found;
}

async function read(url, Kind) {
  const answer = await fetch(url);
  if (!answer.ok) throw Object.assign(new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText), { status: answer.status });
  return new Kind(await answer.arrayBuffer());
}

class LatentMap {
  constructor(root) {
    this.root = root;
    this.at = (selector) => root.querySelector(selector);
    this.plot = this.at(".plot"); this.surface = this.at(".surface"); this.over = this.at(".over"); this.back = this.at(".back"); this.tip = this.at(".tip");
    this.alive = true; this.mode = "pan"; this.hidden = new Set(); this.tiles = new Map(); this.wanted = []; this.arrays = new Map(); this.faults = 0; this.hint = ""; this.asking = 0;
    this.view = { x: 0, y: 0, k: 1 }; this.pointers = new Map(); this.hover = -1; this.rows = null; this.wave = 0; this.moved = 0;
    this.size = this.opacity = 0;  // until a hand chose them
    this.wire();
  }

  // ---------------------------------------------------------------- what the page hands over

  // everything is read before anything is taken over, so that what is on the screen is of one piece throughout, also
  // where newer data comes while older is still under way
  async show(data) {
    const turn = (this.turn = (this.turn || 0) + 1), late = () => !this.alive || turn !== this.turn, { colour } = data;
    if (!this.data) this.at(".say").textContent = "Reading the points…";
    let found;
    try {
      found = await this.read([
        [data.points, Float32Array], [data.numbers, Int32Array], [data.order, Int32Array], [data.frames?.points, Float32Array],
        [colour.values, colour.kind === "classes" ? Uint8Array : Float32Array], [data.ellipses, Float32Array], [data.labels?.values, Uint8Array],
      ]);
    } catch (error) {
      if (late()) return;
      this.lost = (this.lost || 0) + 1;
      if (error.status === 410 && this.lost < 4) {
        // forgotten by the server: a rerun of the script publishes it anew
        this.tell.setTriggerValue("lost", this.lost);
        setTimeout(() => { if (!late()) this.show(data); }, 800);
        return;
      }
      this.at(".say").textContent = `The map could not be read: ${error.message || "the server does not answer"}. Reload the page to try again.`;
      return;
    }
    if (late()) return;
    this.lost = 0;
    this.at(".say").textContent = this.hint;
    this.take(data, found);
  }

  // arrays by address, null where there is none. An address names its content, so what is known is not read again
  async read(wanted) {
    const former = this.arrays;
    this.arrays = new Map();
    return Promise.all(wanted.map(([url, Kind]) => {
      if (!url) return null;
      if (!this.arrays.has(url)) {
        const array = former.get(url) ?? read(url, Kind);
        this.arrays.set(url, array);
        array.catch(() => { if (this.arrays.get(url) === array) this.arrays.delete(url); });
      }
      return this.arrays.get(url);
    }));
  }

  take(data, [points, numbers, order, frames, values, deviations, labelled]) {
    const before = this.data, { colour } = data;
    const same = before && before.points === data.points && before.frames?.points === data.frames?.points;
    const others = before?.numbers !== data.numbers, recoloured = before?.colour.title !== colour.title;
    Object.assign(this, { data, numbers, frames, deviations, labelled, values: values ?? new Float32Array(0), count: data.count, colours: palette(colour) });
    this.at(".title").textContent = data.title;
    if (recoloured) this.hidden.clear();
    if (others) { this.rows = null; this.byNumber = null; this.told = undefined; this.hover = -1; this.tip.hidden = true; }
    if (before?.atlas !== data.atlas) { this.tiles.clear(); this.wanted = []; this.faults = 0; }
    if (others || before.order !== data.order) { this.tileOf = new Int32Array(data.count); order.forEach((row, at) => { this.tileOf[row] = at; }); }
    if (data.selected !== undefined && data.selected !== this.told) { this.told = data.selected; this.rows = unpack(data.selected, this.count); }
    this.replay(before?.frames?.points !== data.frames?.points);
    if (!same) {
      if (frames) this.frame(Number(this.at(".replay input").value)); else this.place(points);
      this.fit(frames ?? points);
    } else this.tone();
    this.legend();
    const has = { ".ellipses": data.ellipses, ".contours": data.prior, ".plane": data.plane, ".names": colour.kind === "classes" };
    for (const [name, there] of Object.entries(has)) this.at(name).hidden = !there;
    const contours = this.at(".contours input");
    if (before?.points !== data.points && data.prior) contours.checked = true;
    if (before && before.plane?.key !== data.plane?.key) this.painter = null;
    // where the plane is the whole space it is shown unless a hand chose otherwise
    if (!this.chosePlane) this.at(".plane input").checked = Boolean(data.plane?.whole);
    this.draw();
    this.plane();
  }

  // points in cells of a grid: what is out of view costs nothing, and what is pointed at is found at once
  place(points) {
    const n = points.length / 2;
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (let i = 0; i < 2 * n; i += 2) {
      const x = points[i], y = points[i + 1];
      if (x < x0) x0 = x; if (x > x1) x1 = x; if (y < y0) y0 = y; if (y > y1) y1 = y;
    }
    const g = Math.max(4, Math.min(400, Math.round(Math.sqrt(n / 6)))), w = Math.max(1e-9, (x1 - x0) / g), h = Math.max(1e-9, (y1 - y0) / g);
    const cell = new Int32Array(n), start = new Int32Array(g * g + 1);
    for (let i = 0; i < n; i++) {
      const c = Math.min(g - 1, Math.floor((points[2 * i + 1] - y0) / h)) * g + Math.min(g - 1, Math.floor((points[2 * i] - x0) / w));
      cell[i] = c; start[c + 1]++;
    }
    for (let c = 0; c < g * g; c++) start[c + 1] += start[c];
    const next = start.slice(), row = new Int32Array(n), xs = new Float32Array(n), ys = new Float32Array(n);
    for (let i = 0; i < n; i++) { const at = next[cell[i]]++; row[at] = i; xs[at] = points[2 * i]; ys[at] = points[2 * i + 1]; }
    this.points = points;
    this.index = { g, x0, y0, w, h, start, row, xs, ys };
    this.tone();
  }

  // colour number, and whether it is selected, of each point in the order of the grid
  tone() {
    const { row } = this.index, n = row.length, tones = new Uint8Array(n), { colour } = this.data, span = colour.high - colour.low || 1;
    for (let at = 0; at < n; at++) {
      const v = this.values[row[at]];
      tones[at] = colour.kind === "classes" ? v : colour.kind === "numbers" ? (v === v ? Math.max(0, Math.min(254, Math.round(((v - colour.low) / span) * 254))) : 255) : 0;
    }
    this.tones = tones;
    this.marked = null;
    if (this.rows) { this.marked = new Uint8Array(n); for (let at = 0; at < n; at++) this.marked[at] = this.rows[row[at]]; }
    const shown = new Uint8Array(256).fill(1);
    if (colour.kind === "classes") for (const k of this.hidden) shown[k] = 0;
    this.shown = shown;
    this.summary();
  }

  summary() {
    this.surface.setAttribute("aria-description", `${this.count.toLocaleString("en")} images; ${this.rows ? `${this.rows.reduce((a, b) => a + b, 0)} selected` : "none selected"}. Arrows move, plus and minus zoom, 0 fits, Enter chooses the nearest to the middle.`);
  }

  legend() {
    const { colour } = this.data, box = this.at(".legend");
    if (colour.kind === "classes") {
      const used = new Uint8Array(256);
      for (const v of this.values) used[v] = 1;
      const entry = (k, name) => {
        const button = el("button", { type: "button", "aria-pressed": String(!this.hidden.has(k)), title: "Show or hide" }, el("i"), name);
        button.firstChild.style.background = css(this.colours[k]);
        button.onclick = () => {
          if (this.hidden.has(k)) this.hidden.delete(k); else this.hidden.add(k);
          button.setAttribute("aria-pressed", String(!this.hidden.has(k)));
          this.tone(); this.draw();
        };
        return button;
      };
      box.replaceChildren(el("b", { textContent: colour.title }), ...colour.names.map((name, k) => (used[k] ? entry(k, name) : "")), used[255] ? entry(255, "none") : "");
    } else if (colour.kind === "numbers") {
      const bar = el("span", { className: "scale" }), text = (v) => Number(v.toPrecision(3)).toString().replace("-", "−");
      bar.style.background = `linear-gradient(to right, ${VIRIDIS.join(", ")})`;
      box.replaceChildren(el("b", { textContent: colour.title }), text(colour.low), bar, text(colour.high), el("span", { textContent: "1st to 99th percentile" }));
    } else box.replaceChildren();
  }

  replay(anew) {
    const { frames } = this.data, box = this.at(".replay"), input = this.at(".replay input");
    box.hidden = !frames;
    if (!frames) { this.play(false); return; }
    input.max = frames.words.length - 1;
    if (anew) input.value = input.max;
  }

  // codes between two epochs lie on the straight line between them: nothing is known of the way
  frame(at) {
    const last = this.data.frames.words.length - 1, n = 2 * this.count;
    at = Math.min(at, last);
    const low = Math.floor(at), share = at - low;
    const a = this.frames.subarray(low * n, low * n + n), points = new Float32Array(a);
    if (share > 0) { const b = this.frames.subarray((low + 1) * n, (low + 2) * n); for (let i = 0; i < n; i++) points[i] += share * (b[i] - a[i]); }
    this.place(points);
    const words = this.data.frames.words[Math.round(at)];
    this.at(".replay output").textContent = words;
    this.at(".replay input").setAttribute("aria-valuetext", words);
  }

  play(on) {
    if (on === Boolean(this.playing)) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    const button = this.at("[data-do=play]"), input = this.at(".replay input");
    button.textContent = on ? "Pause" : "Play"; button.setAttribute("aria-pressed", String(on));
    if (!on) return;
    let at = Number(input.value) >= Number(input.max) ? 0 : Number(input.value), last = performance.now();
    const step = (now) => {
      this.playing = requestAnimationFrame(step);
      at += Math.min(100, now - last) / 1000 * Math.max(1, Number(input.max) / 8);
      last = now;
      if (at >= Number(input.max)) { at = Number(input.max); this.play(false); }
      input.value = at;
      this.frame(at);
      this.paint();
    };
    this.playing = requestAnimationFrame(step);
  }

  // ---------------------------------------------------------------- where things are on the screen

  fit(points = this.frames ?? this.points) {
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (let i = 0; i < points.length; i += 2) {
      const x = points[i], y = points[i + 1];
      if (x < x0) x0 = x; if (x > x1) x1 = x; if (y < y0) y0 = y; if (y > y1) y1 = y;
    }
    for (const mark of this.data.marks ?? []) { x0 = Math.min(x0, mark.x); x1 = Math.max(x1, mark.x); y0 = Math.min(y0, mark.y); y1 = Math.max(y1, mark.y); }
    this.fitted = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, w: Math.max(1e-6, x1 - x0), h: Math.max(1e-6, y1 - y0) };
    this.refit();
  }

  refit() {
    const { fitted } = this;
    if (!fitted || !this.width) return;
    this.view = { x: fitted.x, y: fitted.y, k: 0.94 * Math.min((this.width - LEFT - RIGHT) / fitted.w, (this.height - TOP - BOTTOM) / fitted.h) };
    this.least = this.view.k / 8; this.most = this.view.k * 20_000;
    this.wide = true;
    this.draw(); this.plane();
  }

  // data -> CSS pixels, and back
  get middle() { return [(LEFT + this.width - RIGHT) / 2, (TOP + this.height - BOTTOM) / 2]; }
  across(x) { return this.middle[0] + (x - this.view.x) * this.view.k; }
  down(y) { return this.middle[1] - (y - this.view.y) * this.view.k; }
  spot(px, py) { const [mx, my] = this.middle; return [this.view.x + (px - mx) / this.view.k, this.view.y - (py - my) / this.view.k]; }

  zoom(by, px, py) {
    const k = Math.max(this.least, Math.min(this.most, this.view.k * by)), [x, y] = this.spot(px, py), [mx, my] = this.middle;
    this.view = { x: x - (px - mx) / k, y: y + (py - my) / k, k };
    this.wide = false;
    this.draw(); this.plane();
  }

  pan(dx, dy) {
    this.view.x -= dx / this.view.k; this.view.y += dy / this.view.k;
    this.wide = false;
    this.draw(); this.plane();
  }

  // cells of the grid that lie in a box of the data: [row of cells, from, to] of places in the grid's order
  *runs(x0, x1, y0, y1) {
    const { g, w, h, start } = this.index, clamp = (v) => Math.max(0, Math.min(g - 1, v));
    if (x1 < this.index.x0 || y1 < this.index.y0) return;
    const cx0 = clamp(Math.floor((x0 - this.index.x0) / w)), cx1 = clamp(Math.floor((x1 - this.index.x0) / w));
    const cy0 = clamp(Math.floor((y0 - this.index.y0) / h)), cy1 = clamp(Math.floor((y1 - this.index.y0) / h));
    for (let cy = cy0; cy <= cy1; cy++) yield [start[cy * g + cx0], start[cy * g + cx1 + 1]];
  }

  inView() { const [x0, y1] = this.spot(LEFT, TOP), [x1, y0] = this.spot(this.width - RIGHT, this.height - BOTTOM); return [x0, x1, y0, y1]; }

  nearest(px, py, reach = REACH) {
    if (!this.index) return -1;
    const [x, y] = this.spot(px, py), far = reach / this.view.k, { row, xs, ys } = this.index;
    let best = far * far, found = -1;
    for (const [from, to] of this.runs(x - far, x + far, y - far, y + far)) for (let at = from; at < to; at++) {
      if (!this.shown[this.tones[at]]) continue;
      const d = (xs[at] - x) ** 2 + (ys[at] - y) ** 2;
      if (d < best) { best = d; found = row[at]; }
    }
    return found;
  }

  // ---------------------------------------------------------------- drawing

  draw() { this.drawing ||= requestAnimationFrame(() => { this.drawing = 0; this.paint(); }); }

  paint() {
    if (!this.index || !this.width || !this.tones) return;
    const began = performance.now(), scale = this.scale, W = this.surface.width, H = this.surface.height;
    if (this.image?.width !== W || this.image?.height !== H) this.image = new ImageData(W, H);
    this.image.data.fill(0);
    const box = this.inView();
    let seen = 0;
    for (const [from, to] of this.runs(...box)) seen += to - from;
    this.seen = seen;
    this.dense = seen > DENSE;
    const context = this.surface.getContext("2d");
    if (this.dense) this.shade(box, scale); else this.dots(box, scale);
    context.putImageData(this.image, 0, 0);
    const images = this.at("[data-do=images]").getAttribute("aria-pressed") === "true";
    const hints = [
      images && (seen > PICTURES ? "Zoom in to see images." : this.data.decoded && "Decoded from their codes: the images are not on this machine."),
      this.spread && seen > SPOTS && `Zoom in to see σ-ellipses: ${SPOTS} at a time.`,
    ], hint = hints.filter(Boolean).join(" ");
    if (images && seen <= PICTURES) this.sprites(context, box, scale);
    if (hint !== this.hint) { this.at(".say").textContent = hint; this.hint = hint; }
    this.overlay();
    this.surface.dataset.first ??= String(performance.now());
    this.surface.dataset.frame = String(Number(this.surface.dataset.frame) + 1);
    this.surface.dataset.view = `${this.view.x} ${this.view.y} ${this.view.k} ${this.middle.join(" ")}`;
    this.surface.dataset.seen = String(seen);
    this.surface.dataset.how = this.dense ? "density" : "dots";
    this.paintMs = performance.now() - began;
  }

  get spread() { return this.data.ellipses && !this.data.frames && this.at(".ellipses input").checked; }
  get dot() { return this.size || (this.count < 3_000 ? 6 : this.count < 20_000 ? 4 : 3); }
  get strength() { return this.opacity || (this.count < 20_000 ? 0.85 : 0.7); }

  dots(box, scale) {
    const buffer = this.image.data, W = this.image.width, radius = (this.dot * scale) / 2, reach = Math.ceil(radius);
    const steps = [], weights = [];
    for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(dx, dy)));  // soft edges
      if (cover > 0.05) { steps.push(4 * (dy * W + dx)); weights.push(cover); }
    }
    const shape = Int32Array.from(steps), cover = Float32Array.from(weights), { xs, ys } = this.index, { tones, shown, marked } = this;
    const R = new Uint8Array(256), G = new Uint8Array(256), B = new Uint8Array(256);
    this.colours.forEach((c, i) => { R[i] = c[0]; G[i] = c[1]; B[i] = c[2]; });
    const k = this.view.k * scale, ox = this.middle[0] * scale - this.view.x * k, oy = this.middle[1] * scale + this.view.y * k;
    const left = LEFT * scale, right = W - RIGHT * scale, top = TOP * scale, bottom = this.image.height - BOTTOM * scale;
    // first those that are not selected, so that they never cover what is
    for (let pass = marked ? 0 : 1; pass < 2; pass++) {
      const faded = marked && pass === 0, strength = faded ? 0.16 : this.strength;
      for (const [from, to] of this.runs(...box)) for (let at = from; at < to; at++) {
        const tone = tones[at];
        if (!shown[tone] || (marked && marked[at] !== pass)) continue;
        const x = (ox + xs[at] * k) | 0, y = (oy - ys[at] * k) | 0;
        if (x < left || x >= right || y < top || y >= bottom) continue;
        const r = faded ? NONE[0] : R[tone], g = faded ? NONE[1] : G[tone], b = faded ? NONE[2] : B[tone], base = 4 * (y * W + x);
        for (let m = 0; m < shape.length; m++) {
          const j = base + shape[m], w = cover[m] * strength, a = buffer[j + 3];
          if (a === 0) { buffer[j] = r; buffer[j + 1] = g; buffer[j + 2] = b; buffer[j + 3] = 255 * w; }
          else { buffer[j] += (r - buffer[j]) * w; buffer[j + 1] += (g - buffer[j + 1]) * w; buffer[j + 2] += (b - buffer[j + 2]) * w; buffer[j + 3] = a + (255 - a) * w; }
        }
      }
    }
  }

  // squares of two pixels: the mean colour of what lies there, the denser the stronger
  shade(box, scale) {
    const W = this.image.width, H = this.image.height, s = Math.max(1, Math.round(2 * scale)), columns = Math.ceil(W / s), rows = Math.ceil(H / s);
    if (this.sums?.length !== columns * rows * 4) this.sums = new Float32Array(columns * rows * 4); else this.sums.fill(0);
    const { sums, tones, shown, marked } = this, { xs, ys } = this.index, k = (this.view.k * scale) / s;
    const ox = (this.middle[0] * scale) / s - this.view.x * k, oy = (this.middle[1] * scale) / s + this.view.y * k;
    const left = (LEFT * scale) / s, right = (W - RIGHT * scale) / s, top = (TOP * scale) / s, bottom = (H - BOTTOM * scale) / s;
    for (const [from, to] of this.runs(...box)) for (let at = from; at < to; at++) {
      const tone = tones[at];
      if (!shown[tone]) continue;
      const x = (ox + xs[at] * k) | 0, y = (oy - ys[at] * k) | 0;
      if (x < left || x >= right || y < top || y >= bottom) continue;
      const j = 4 * (y * columns + x), c = marked && !marked[at] ? NONE : this.colours[tone], w = marked && !marked[at] ? 0.15 : 1;
      sums[j] += w * c[0]; sums[j + 1] += w * c[1]; sums[j + 2] += w * c[2]; sums[j + 3] += w;
    }
    let most = 1;
    for (let j = 3; j < sums.length; j += 4) if (sums[j] > most) most = sums[j];
    const buffer = this.image.data, loudest = Math.log1p(most);
    for (let y = 0, j = 0; y < rows; y++) for (let x = 0; x < columns; x++, j += 4) {
      const n = sums[j + 3];
      if (!n) continue;
      const alpha = 70 + 185 * (Math.log1p(n) / loudest), r = sums[j] / n, g = sums[j + 1] / n, b = sums[j + 2] / n;
      for (let dy = 0; dy < s && y * s + dy < H; dy++) for (let dx = 0; dx < s && x * s + dx < W; dx++) {
        const i = 4 * ((y * s + dy) * W + x * s + dx);
        buffer[i] = r; buffer[i + 1] = g; buffer[i + 2] = b; buffer[i + 3] = alpha;
      }
    }
  }

  // an image where there is room: one for each square of the screen, the others stay dots
  sprites(context, box, scale) {
    const { row, xs, ys } = this.index, side = Math.min(56, Math.max(26, Math.round(30 * Math.sqrt(600 / Math.max(60, this.seen))))), taken = new Set(), step = side + 3;
    const wanted = new Set();
    let drawn = 0;
    context.save();
    context.beginPath();
    context.rect(LEFT * scale, TOP * scale, (this.width - LEFT - RIGHT) * scale, (this.height - TOP - BOTTOM) * scale);
    context.clip();
    context.imageSmoothingEnabled = false;
    for (const [from, to] of this.runs(...box)) for (let at = from; at < to; at++) {
      if (!this.shown[this.tones[at]] || (this.marked && !this.marked[at])) continue;
      const x = this.across(xs[at]), y = this.down(ys[at]);
      if (x < LEFT || x > this.width - RIGHT || y < TOP || y > this.height - BOTTOM) continue;
      const key = Math.floor(x / step) * 4096 + Math.floor(y / step);
      if (taken.has(key)) continue;
      taken.add(key);
      const place = this.tileOf[row[at]], tile = Math.floor(place / this.data.tile), picture = this.tiles.get(tile);
      if (!picture) { wanted.add(tile); continue; }
      if (picture === "failed") continue;
      this.tiles.delete(tile); this.tiles.set(tile, picture);  // the newest last
      const one = picture.width / 8, k = place % this.data.tile, left = (x - side / 2) * scale, top = (y - side / 2) * scale;
      context.fillStyle = css(this.colours[this.tones[at]]);
      context.fillRect(left - scale, top - scale, (side + 2) * scale, (side + 2) * scale);
      context.drawImage(picture, (k % 8) * one, Math.floor(k / 8) * one, one, one, left, top, side * scale, side * scale);
      drawn++;
    }
    context.restore();
    this.surface.dataset.images = String(drawn);
    this.wanted = [...wanted];
    this.fetchTiles();
  }

  async fetchTiles() {
    while (this.asking < ASKING && this.wanted.length && this.alive) {
      const tile = this.wanted.shift(), { atlas } = this.data;
      if (this.tiles.has(tile)) continue;
      this.tiles.set(tile, "failed");
      this.asking++;
      (async () => {
        const current = () => this.alive && atlas === this.data.atlas;
        try {
          const answer = await fetch(`${atlas}-${tile}.png`);
          if (answer.status === 429) { await new Promise((go) => setTimeout(go, 200)); if (current()) this.tiles.delete(tile); return; }
          if (!answer.ok) throw Object.assign(new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText), { status: answer.status });
          const picture = await createImageBitmap(await answer.blob());
          if (!current()) return;
          this.tiles.set(tile, picture);
          if (this.faults) { this.faults = 0; this.at(".say").textContent = this.hint; }
          for (const old of this.tiles.keys()) { if (this.tiles.size <= TILES) break; this.tiles.delete(old); }
        } catch (error) {
          if (!current()) return;
          const again = ++this.faults <= TRIES;
          this.at(".say").textContent = `Some images could not be read: ${error.message || "the server does not answer"}.${again ? " Trying again…" : ""}`;
          if (error.status === 410) this.tell.setTriggerValue("lost", this.faults);  // forgotten by the server: a rerun publishes it anew
          if (again) setTimeout(() => { if (current()) { this.tiles.delete(tile); this.draw(); } }, 500 * 2 ** Math.min(4, this.faults));
        } finally { this.asking--; if (this.alive) this.draw(); }
      })();
    }
  }

  overlay() {
    const context = this.over.getContext("2d"), { width, height, scale, data } = this, style = getComputedStyle(this.plot);
    const text = style.getPropertyValue("--st-text-color") || "#333", ground = style.getPropertyValue("--st-background-color") || "#fff";
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const [x0, x1, y0, y1] = this.inView(), right = width - RIGHT, bottom = height - BOTTOM;
    // axes
    context.font = "11px system-ui, sans-serif"; context.lineWidth = 1; context.textBaseline = "middle";
    const tick = ticks(x0, x1, (right - LEFT) / 70), rise = ticks(y0, y1, (bottom - TOP) / 60);
    context.fillStyle = text; context.strokeStyle = text; context.textAlign = "center";
    for (const v of tick) { const x = Math.round(this.across(v)) + 0.5; context.globalAlpha = 0.1; line(context, x, TOP, x, bottom); context.globalAlpha = 0.75; context.fillText(label(v, tick), x, bottom + 11); }
    context.textAlign = "right";
    for (const v of rise) { const y = Math.round(this.down(v)) + 0.5; context.globalAlpha = 0.1; line(context, LEFT, y, right, y); context.globalAlpha = 0.75; context.fillText(label(v, rise), LEFT - 5, y); }
    context.globalAlpha = 0.9; context.textAlign = "center";
    context.fillText(data.x, (LEFT + right) / 2, height - 9, right - LEFT);
    context.save(); context.translate(9, (TOP + bottom) / 2); context.rotate(-Math.PI / 2); context.fillText(data.y, 0, 0, bottom - TOP); context.restore();
    context.globalAlpha = 1;
    context.save();
    context.beginPath(); context.rect(LEFT, TOP, right - LEFT, bottom - TOP); context.clip();
    if (data.prior && this.at(".contours input").checked) {
      context.lineWidth = 1.5; context.strokeStyle = text; context.globalAlpha = 0.6; context.setLineDash([5, 4]);
      for (const s of [1, 2, 3]) { context.beginPath(); context.arc(this.across(0), this.down(0), s * this.view.k, 0, 2 * Math.PI); context.stroke(); }
      context.setLineDash([]); context.globalAlpha = 0.85;
      if (this.view.k > 25) for (const s of [1, 2, 3]) halo(context, s === 3 ? "3σ of the prior" : `${s}σ`, this.across(0), this.down(s), text, ground);
      context.globalAlpha = 1;
    }
    if (this.spread) this.drawEllipses(context, [x0, x1, y0, y1]);
    if (data.colour.kind === "classes" && this.at(".names input").checked) this.drawNames(context, text, ground);
    const ring = (x, y, radius, colour, width) => { context.beginPath(); context.arc(x, y, radius, 0, 2 * Math.PI); context.lineWidth = width + 2; context.strokeStyle = ground; context.stroke(); context.lineWidth = width; context.strokeStyle = colour; context.stroke(); };
    if (data.chosen >= 0 && data.chosen < this.count) ring(this.across(this.points[2 * data.chosen]), this.down(this.points[2 * data.chosen + 1]), Math.max(7, this.dot), "#D55E00", 2.5);
    if (this.hover >= 0 && this.hover < this.count) ring(this.across(this.points[2 * this.hover]), this.down(this.points[2 * this.hover + 1]), Math.max(6, this.dot), text, 1.5);
    if (data.spot) { const x = this.across(data.spot[0]), y = this.down(data.spot[1]); context.lineWidth = 2.5; context.strokeStyle = "#D55E00"; line(context, x - 7, y, x + 7, y); line(context, x, y - 7, x, y + 7); }
    for (const mark of data.marks ?? []) {
      const x = this.across(mark.x), y = this.down(mark.y);
      star(context, x, y, 10); context.lineWidth = 3; context.strokeStyle = ground; context.stroke(); context.fillStyle = "#D55E00"; context.fill();
      halo(context, mark.words, x, y - 17, text, ground);
    }
    if (this.lasso?.length > 1) {
      context.beginPath(); this.lasso.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y))); context.closePath();
      context.globalAlpha = 0.12; context.fillStyle = text; context.fill(); context.globalAlpha = 1; context.lineWidth = 1.5; context.strokeStyle = text; context.stroke();
    }
    context.restore();
  }

  drawEllipses(context, box) {
    if (this.seen > SPOTS) return;
    const { row, xs, ys } = this.index;
    context.globalAlpha = 0.55; context.lineWidth = 1;
    for (const [from, to] of this.runs(...box)) for (let at = from; at < to; at++) {
      if (!this.shown[this.tones[at]]) continue;
      const i = 2 * row[at];
      context.strokeStyle = css(this.colours[this.tones[at]]);
      context.beginPath(); context.ellipse(this.across(xs[at]), this.down(ys[at]), this.deviations[i] * this.view.k, this.deviations[i + 1] * this.view.k, 0, 0, 2 * Math.PI); context.stroke();
    }
    context.globalAlpha = 1;
  }

  drawNames(context, text, ground) {
    const groups = new Map(), step = Math.max(1, Math.floor(this.count / 20_000));
    for (let i = 0; i < this.count; i += step) { const k = this.values[i]; if (k === 255 || this.hidden.has(k)) continue; if (!groups.has(k)) groups.set(k, [[], []]); const g = groups.get(k); g[0].push(this.points[2 * i]); g[1].push(this.points[2 * i + 1]); }
    const median = (v) => v.sort((a, b) => a - b)[v.length >> 1];
    context.font = "bold 13px system-ui, sans-serif";
    for (const [k, [x, y]] of groups) halo(context, this.data.colour.names[k], this.across(median(x)), this.down(median(y)), text, ground);
  }

  // ---------------------------------------------------------------- the decoded plane behind the points

  // coarse at once, finer while nothing moves; every picture is the decode of the code in its middle
  async plane() {
    const wave = ++this.wave, context = this.back.getContext("2d"), { plane } = this.data ?? {};
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.back.width, this.back.height);
    this.back.dataset.cells = "0";
    if (!plane || !this.at(".plane input").checked || this.data.frames) return;
    const pause = (ms) => new Promise((go) => setTimeout(go, ms)), stale = () => !this.alive || wave !== this.wave;
    await pause(120);
    if (stale()) return;
    try {
      if (!this.painter) { this.painter = await openDecoder(this.data.run, plane.header); }
      const painter = this.painter, { scale } = this, batch = painter.where === "browser" ? 4 : painter.batch || 16;
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.imageSmoothingEnabled = false;
      const scratch = new OffscreenCanvas(painter.width, painter.height), pen = scratch.getContext("2d");
      for (const size of [96, 48, 32]) {
        const cells = [];
        for (let y = TOP; y < this.height - BOTTOM; y += size) for (let x = LEFT; x < this.width - RIGHT; x += size) cells.push([x, y]);
        for (let i = 0; i < cells.length; i += batch) {
          await pause(0);
          while (!stale() && performance.now() - this.moved < 150) await pause(150);
          if (stale()) return;
          const part = cells.slice(i, i + batch), codes = part.map(([px, py]) => {
            const [u, v] = this.spot(px + size / 2, py + size / 2);
            return plane.mean.map((m, d) => m + u * plane.axes[0][d] + v * plane.axes[1][d]);
          });
          let images;
          try { images = await painter.images(codes); } catch (error) { if (error.status !== 429) throw error; await pause(250); i -= batch; continue; }
          if (stale()) return;
          part.forEach(([px, py], j) => {
            context.clearRect(px, py, size, size);
            pen.putImageData(images[j], 0, 0);
            const w = Math.min(size - 1, this.width - RIGHT - px), h = Math.min(size - 1, this.height - BOTTOM - py);  // a gap parts the pictures
            context.drawImage(scratch, 0, 0, (painter.width * w) / (size - 1), (painter.height * h) / (size - 1), px, py, w, h);
          });
          this.back.dataset.cells = String(Number(this.back.dataset.cells) + part.length);
        }
      }
    } catch (error) {
      if (!stale()) this.at(".say").textContent = `The plane could not be decoded: ${error.message}.`;
    }
  }

  // ---------------------------------------------------------------- pointing

  point(px, py) {
    const row = this.nearest(px, py);
    this.plot.classList.toggle("pointing", row >= 0);
    if (row === this.hover) { if (row >= 0) this.putTip(px, py); return; }
    this.hover = row;
    this.overlay();
    this.share(POINTED, { number: row < 0 ? -1 : this.numbers[row] });
    if (row < 0) { this.tip.hidden = true; return; }
    const number = this.numbers[row], { colour } = this.data, image = this.tip.firstElementChild;
    const value = colour.kind === "classes" ? `${colour.title}: ${colour.names[this.values[row]] ?? "none"}` : colour.kind === "numbers" ? `${colour.title}: ${Number(this.values[row].toPrecision(4))}` : "";
    const labels = this.data.labels && colour.title !== this.data.labels.title ? `${this.data.labels.title}: ${this.data.labels.names[this.labelled[row]] ?? "none"}` : "";
    this.tip.lastElementChild.replaceChildren(el("b", { textContent: `image ${number}` }), el("br"), ...[labels, value, this.data.decoded ? "decoded from its code" : ""].filter(Boolean).flatMap((t) => [t, el("br")]));
    image.className = "empty";
    image.onload = () => { image.className = ""; this.tip.dataset.pictured = String(row); };
    const url = `${this.data.pair}/${number}.png`;
    image.onerror = () => { setTimeout(() => { if (this.hover === row && this.alive && !image.dataset.again) { image.dataset.again = "1"; image.src = `${url}?again`; } }, 300); };
    delete image.dataset.again;
    image.src = url;
    this.tip.hidden = false;
    this.tip.dataset.row = String(row);
    this.putTip(px, py);
  }

  putTip(px, py) {
    const w = this.tip.offsetWidth, h = this.tip.offsetHeight;
    const x = px + 16 + w > this.width ? Math.max(4, px - 16 - w) : px + 16, y = Math.max(4, Math.min(this.height - h - 4, py + 14));
    this.tip.style.transform = `translate(${x}px, ${y}px)`;
  }

  click(px, py) {
    const row = this.nearest(px, py, REACH + 4);
    if (row >= 0) { this.data.chosen = row; this.overlay(); this.tell.setTriggerValue("point", this.numbers[row]); return; }
    const spot = this.spot(px, py);
    clearTimeout(this.asked);
    this.asked = setTimeout(() => {  // unless another click follows, which zooms
      if (!this.alive) return;
      this.data.spot = spot;
      this.overlay();
      this.tell.setTriggerValue("spot", spot);
    }, TWICE);
  }

  select(polygon, event) {
    const inside = new Uint8Array(this.count), { row, xs, ys } = this.index, corners = polygon.map(([x, y]) => this.spot(x, y));
    const low = (i) => Math.min(...corners.map((c) => c[i])), high = (i) => Math.max(...corners.map((c) => c[i]));
    if (this.rows && (event.shiftKey || event.altKey)) inside.set(this.rows);
    const value = event.altKey ? 0 : 1;
    for (const [from, to] of this.runs(low(0), high(0), low(1), high(1))) for (let at = from; at < to; at++) if (this.shown[this.tones[at]] && within(xs[at], ys[at], corners)) inside[row[at]] = value;
    this.choose(inside.some((v) => v) ? inside : null);
  }

  choose(rows) {
    this.rows = rows;
    this.tone(); this.draw();
    this.told = rows ? pack(rows) : "";
    this.tell.setTriggerValue("selection", { bits: this.told, of: this.data.numbers });
    this.share(SELECTED, { numbers: rows ? this.numbers.filter((_, i) => rows[i]) : null });
  }

  share(what, detail) { if (this.data?.link) dispatchEvent(new CustomEvent(what, { detail: { ...detail, link: this.data.link, from: this } })); }

  // another map of the same images tells of what is selected or pointed at there
  heard(event) {
    const { link, from, numbers, number } = event.detail;
    if (from === this || !this.data || link !== this.data.link || !this.index) return;
    if (!this.byNumber) this.byNumber = new Map(Array.from(this.numbers, (n, i) => [n, i]));
    if (event.type === POINTED) { this.hover = this.byNumber.get(number) ?? -1; this.overlay(); return; }
    this.rows = null;
    if (numbers) { this.rows = new Uint8Array(this.count); for (const n of numbers) { const i = this.byNumber.get(n); if (i !== undefined) this.rows[i] = 1; } }
    this.told = this.rows ? pack(this.rows) : "";
    this.tone(); this.draw();
  }

  // ---------------------------------------------------------------- wiring

  wire() {
    const { surface } = this;
    this.watch = new ResizeObserver(() => {
      const box = this.plot.getBoundingClientRect(), known = this.width;
      if (!box.width) return;
      this.scale = Math.min(2, devicePixelRatio || 1);
      this.width = Math.floor(this.plot.clientWidth); this.height = Math.floor(this.plot.clientHeight);
      for (const canvas of [surface, this.over, this.back]) { canvas.width = Math.round(this.width * this.scale); canvas.height = Math.round(this.height * this.scale); }
      // what was fitted stays fitted, what was zoomed into stays in the middle
      if (!known || this.wide) this.refit();
      if (this.data) { this.paint(); this.plane(); }
    });
    this.watch.observe(this.plot);
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.themed = () => this.draw();
    this.theme.addEventListener("change", this.themed);
    this.hears = (event) => this.heard(event);
    for (const what of [SELECTED, POINTED]) addEventListener(what, this.hears);

    const spot = (event) => { const box = surface.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    surface.onpointerdown = (event) => {
      if (!this.index || event.button) return;
      surface.setPointerCapture(event.pointerId);
      const [x, y] = spot(event);
      this.pointers.set(event.pointerId, [x, y]);
      this.from = [x, y]; this.dragged = this.pointers.size > 1;
      this.tip.hidden = true;
      if (this.mode !== "pan" && this.pointers.size === 1) this.lasso = [[x, y]];
    };
    surface.onpointermove = (event) => {
      if (!this.index) return;
      const [x, y] = spot(event), last = this.pointers.get(event.pointerId);
      if (!last) {
        if (event.pointerType === "touch") return;
        this.pointAt = [x, y];
        this.pointing ||= requestAnimationFrame(() => { this.pointing = 0; if (!this.pointers.size && this.pointAt) this.point(...this.pointAt); });
        return;
      }
      this.moved = performance.now();
      if (Math.hypot(x - this.from[0], y - this.from[1]) > 4) this.dragged = true;
      if (this.pointers.size === 2) {
        const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1], gap = (p) => Math.max(8, Math.hypot(p[0] - other[0], p[1] - other[1]));
        this.lasso = null;
        this.pan((x - last[0]) / 2, (y - last[1]) / 2);
        this.zoom(gap([x, y]) / gap(last), (x + other[0]) / 2, (y + other[1]) / 2);
      } else if (this.lasso) {
        if (this.mode === "box") { const [a, b] = this.from; this.lasso = [[a, b], [x, b], [x, y], [a, y]]; } else this.lasso.push([x, y]);
        this.overlay();
      } else if (this.dragged) { this.plot.classList.add("dragging"); this.pan(x - last[0], y - last[1]); }
      this.pointers.set(event.pointerId, [x, y]);
    };
    const up = (event) => {
      const last = this.pointers.get(event.pointerId);
      if (!last) return;
      this.pointers.delete(event.pointerId);
      this.plot.classList.remove("dragging");
      const { lasso } = this;
      this.lasso = null;
      if (event.type === "pointercancel") { this.overlay(); return; }
      if (!this.dragged && !this.pointers.size) {
        const former = this.clicked;
        this.clicked = { at: event.timeStamp, x: last[0], y: last[1] };
        if (former && event.timeStamp - former.at < TWICE && Math.hypot(last[0] - former.x, last[1] - former.y) < 6) clearTimeout(this.asked); else this.click(...last);
      } else if (lasso && lasso.length > 2) this.select(lasso, event);
      this.overlay();
    };
    surface.onpointerup = surface.onpointercancel = up;
    surface.onpointerleave = () => { this.pointAt = null; if (this.index) this.point(-999, -999); };
    surface.addEventListener("wheel", (event) => {
      if (!this.index) return;
      event.preventDefault();
      this.moved = performance.now();
      this.zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * (event.deltaMode ? 33 : 1))) / 300), ...spot(event));
    }, { passive: false });
    surface.ondblclick = (event) => { clearTimeout(this.asked); this.zoom(2, ...spot(event)); };
    surface.onkeydown = (event) => {
      if (!this.index || event.ctrlKey || event.metaKey) return;
      const by = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
      if (by) this.pan(...by);
      else if (event.key === "+" || event.key === "=") this.zoom(1.4, ...this.middle);
      else if (event.key === "-") this.zoom(1 / 1.4, ...this.middle);
      else if (event.key === "0") this.refit();
      else if (event.key === "Escape" && this.rows) this.choose(null);
      else if (event.key === "Enter") { const row = this.nearest(...this.middle, Math.max(this.width, this.height)); if (row >= 0) this.click(this.across(this.points[2 * row]), this.down(this.points[2 * row + 1])); }
      else return;
      event.preventDefault();
    };
    for (const radio of this.root.querySelectorAll("[name=mode]")) radio.onchange = () => { this.mode = radio.value; this.plot.dataset.mode = radio.value; };
    const actions = {
      in: () => this.zoom(1.5, ...this.middle), out: () => this.zoom(1 / 1.5, ...this.middle), fit: () => this.refit(),
      images: () => { const button = this.at("[data-do=images]"); button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true")); this.draw(); },
      play: () => this.play(!this.playing),
    };
    for (const [name, act] of Object.entries(actions)) this.at(`[data-do=${name}]`).onclick = () => { if (this.index) act(); };
    const [size, opacity] = this.root.querySelectorAll(".look input[type=range]");
    this.at(".look").ontoggle = () => { size.value = this.dot; opacity.value = this.strength; };
    size.oninput = () => { this.size = Number(size.value); this.draw(); };
    opacity.oninput = () => { this.opacity = Number(opacity.value); this.draw(); };
    for (const name of [".names", ".ellipses", ".contours"]) this.at(`${name} input`).onchange = () => this.draw();
    this.at(".plane input").onchange = () => { this.chosePlane = true; this.plane(); };
    this.at(".replay input").oninput = (event) => { this.play(false); this.frame(Number(event.target.value)); this.draw(); };
    // a click elsewhere folds what hangs over the points
    this.outside = (event) => { if (this.at(".look").open && !event.composedPath().includes(this.at(".look"))) this.at(".look").open = false; };
    addEventListener("pointerdown", this.outside);
  }

  stop() {
    this.alive = false; this.wave++;
    this.play(false);
    cancelAnimationFrame(this.drawing); cancelAnimationFrame(this.pointing);
    this.watch.disconnect();
    this.theme.removeEventListener("change", this.themed);
    for (const what of [SELECTED, POINTED]) removeEventListener(what, this.hears);
    removeEventListener("pointerdown", this.outside);
  }
}

// ---------------------------------------------------------------- small helpers

function line(context, x0, y0, x1, y1) { context.beginPath(); context.moveTo(x0, y0); context.lineTo(x1, y1); context.stroke(); }

function halo(context, words, x, y, colour, ground) {
  context.textAlign = "center"; context.textBaseline = "middle"; context.lineWidth = 4; context.lineJoin = "round";
  context.strokeStyle = ground; context.strokeText(words, x, y);
  context.fillStyle = colour; context.fillText(words, x, y);
  context.strokeStyle = colour;
}

function star(context, x, y, radius) {
  context.beginPath();
  for (let i = 0; i < 10; i++) { const r = i % 2 ? radius * 0.45 : radius, a = -Math.PI / 2 + (i * Math.PI) / 5; context.lineTo(x + r * Math.cos(a), y + r * Math.sin(a)); }
  context.closePath();
}

// round numbers in [low, high], about `count` of them
function ticks(low, high, count) {
  const raw = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find((m) => m * power >= raw) * power, found = [];
  for (let i = Math.ceil(low / step); i * step <= high && found.length < 60; i++) found.push(i * step);
  return Object.assign(found, { step });
}

const label = (v, { step }) => (Math.abs(v) < step / 2 ? "0" : v.toFixed(Math.max(0, Math.min(9, -Math.floor(Math.log10(step) + 1e-9))))).replace("-", "−");

function within(x, y, corners) {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [ax, ay] = corners[i], [bx, by] = corners[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// rows as a bit each, least bit first; see app.components.map.bits_of
function pack(rows) {
  const bytes = new Uint8Array(Math.ceil(rows.length / 8));
  rows.forEach((v, i) => { if (v) bytes[i >> 3] |= 1 << (i & 7); });
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

function unpack(bits, count) {
  if (!bits) return null;
  const text = atob(bits);
  return Uint8Array.from({ length: count }, (_, i) => (text.charCodeAt(i >> 3) >> (i & 7)) & 1);
}
