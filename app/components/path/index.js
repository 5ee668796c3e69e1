import * as tools from "../shared/decoder.js";
import { makeArtist } from "../shared/artist.js";
import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data.
const SECONDS = 4;  // over a whole path at speed 1
const REST = 400;  // milliseconds without a move until the page is told
const QUIET = 150;  // milliseconds without a move until the strip goes on decoding
const DIGITS = 13, MOST_LINES = 4;  // letters that a number of the code takes, and lines before it scrolls
const LEAST_CELL = 26, MOST_CELL = 112;  // pixels

export default mounted((root) => new Path(root), (path, component) => path.show(component.data, component));

function bytes(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
}

// Of an element that holds nothing but words: they are written at every picture, and nothing is made anew for them.
function words(element, text) {
  if (!element.firstChild) element.append("");
  if (element.firstChild.data !== text) element.firstChild.data = text;
}

class Path {
  constructor(root) {
    this.at = (selector) => root.querySelector(selector);
    this.handle = this.at("input[type=range]"); this.canvas = this.at(".screen canvas");
    this.playButton = this.at(".play"); this.strip = this.at(".strip");
    this.alive = true; this.playing = false; this.cells = []; this.tolds = new Set();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.handle.oninput = () => { this.play(false); this.move(Number(this.handle.value)); };
    // a hand that holds the handle still has not let it rest
    this.handle.onpointerdown = () => { this.held = true; };
    this.letGo = () => { if (this.held) { this.held = false; this.settle(); } };
    addEventListener("pointerup", this.letGo);
    addEventListener("pointercancel", this.letGo);
    this.handle.onkeydown = (event) => this.key(event);
    this.playButton.onclick = () => this.play(!this.playing);
    this.watch = new ResizeObserver(() => this.layOut());
    this.watch.observe(this.strip);
  }

  stop() {
    this.alive = false;
    this.play(false);
    clearTimeout(this.resting); clearTimeout(this.quiet); clearTimeout(this.asking);
    this.watch.disconnect();
    removeEventListener("pointerup", this.letGo);
    removeEventListener("pointercancel", this.letGo);
    this.picture?.close(); this.artist?.close();
  }

  // ---------------------------------------------------------------- what the page hands over

  show(data, tell) {
    this.tell = tell;
    const first = !this.data, before = this.data;
    this.data = data;
    this.say(data);
    const same = before && before.codes === data.codes && before.t === data.t;
    if (!same) {
      this.t = new Float64Array(bytes(data.t));
      this.codes = new Float32Array(bytes(data.codes));
      this.dims = this.codes.length / this.t.length;
    }
    this.handle.min = data.low; this.handle.max = data.high;
    this.handle.setAttribute("aria-label", data.name);
    this.canvas.setAttribute("aria-label", data.picture);
    // the place is the hand's once it was shown, and a link's before
    const moved = first || before.position !== data.position && !this.tolds.has(data.position);
    const wanted = moved ? data.position : this.position;
    this.position = Math.min(data.high, Math.max(data.low, wanted));
    this.handle.value = this.position;
    const stale = first || before.run !== data.run || before.header.stamp !== data.header.stamp;
    if (stale) this.open();
    else if (!same) { this.picture?.draw(this.code(this.position)); }
    if (stale || !same || before.frames.join() !== data.frames.join()) this.layOut(true);
    this.write();
  }

  say({ edge, inside, low, high }) {
    const part = (v) => `${(100 * (v - low)) / (high - low)}%`;
    const faint = "color-mix(in srgb, currentcolor 14%, transparent)", full = "color-mix(in srgb, currentcolor 38%, transparent)";
    this.at(".path").style.setProperty("--edge", `${100 * edge}%`);
    // the stretch between the stations stands out from what lies beyond them
    this.handle.style.setProperty("--track", `linear-gradient(to right, ${faint} ${part(inside[0])}, ${full} ${part(inside[0])} ${part(inside[1])}, ${faint} ${part(inside[1])})`);
  }

  async open() {
    this.picture?.close(); this.artist?.close();
    this.picture = this.artist = null;
    const { run, header } = this.data, turn = (this.turn = (this.turn || 0) + 1);
    try {
      const picture = await tools.openPicture({ run, header, canvas: this.canvas, say: (text) => this.fault(text) });
      if (!this.alive || turn !== this.turn) return picture.close();
      this.picture = picture;
      this.fault("");
      const where = this.at(".where");
      where.textContent = picture.where === "browser" ? "Decoded in this browser." : "Decoded by the server.";
      picture.onrefused = (error) => this.refused(error);
      picture.onpaint = (code) => words(this.at("code"), `[${Array.from(code, tools.shortest).join(", ")}]`);
      this.artist = makeArtist({ decoder: picture.decoder, run, header, say: (text) => { where.textContent += ` ${text}`; } });
      picture.draw(this.code(this.position));
      this.layOut(true);
    } catch (error) {
      if (!this.alive || turn !== this.turn) return;
      if (!this.refused(error)) this.fault(`This path could not be decoded: ${error.message}. Reload the page to try again.`);
    }
  }

  fault(text) { this.at(".fault").textContent = text; }

  // the run was deleted, or goes on learning: its codes are of the weights this page was opened with. True when that
  // is all there is to say.
  refused({ status }) {
    if (status === 404) this.fault("This run was deleted. Choose another one in the sidebar.");
    if (status === 410) {
      this.fault("The run's weights changed: the stations are being encoded anew…");
      tools.outdated(this);
    }
    return status === 404 || status === 410;
  }

  // ---------------------------------------------------------------- along the path

  // straight between the codes at either side; at a station its code exactly
  code(position) {
    const { t, codes, dims } = this;
    const near = this.data.marks.find(([at]) => Math.abs(at - position) < 6e-4);
    if (near) position = near[0];
    let low = 0, high = t.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (t[middle] <= position) low = middle; else high = middle; }
    const share = Math.min(1, Math.max(0, (position - t[low]) / (t[high] - t[low]))), found = new Float32Array(dims);
    for (let d = 0; d < dims; d++) {
      const a = codes[low * dims + d], b = codes[high * dims + d];
      found[d] = share === 0 ? a : share === 1 ? b : a + share * (b - a);
    }
    return found;
  }

  move(position, quietly) {
    const { low, high } = this.data;
    this.position = Math.min(high, Math.max(low, position));
    this.artist?.hold();
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.artist?.release(), QUIET);
    this.handle.value = this.position;
    this.picture?.draw(this.code(this.position));
    this.write();
    if (!quietly) this.settle();
  }

  settle() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => { if (!this.held) this.rest(); }, REST);
  }

  rest() {
    const told = Math.round(this.position * 1000) / 1000;
    if (!this.data.reports || told === this.told) return;
    this.told = told; this.tolds.add(told);
    this.tell.setStateValue("position", told);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;  // the browser's
    const step = (event.shiftKey ? 0.1 : 0.01) * (this.data.inside[1] - this.data.inside[0]);
    const by = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.play(false);
    this.move(Math.round((this.position + by) * 1000) / 1000);
  }

  write() {
    const said = this.words(this.position), [place, where] = this.at("output").children;
    words(place, this.position.toFixed(2).replace("-", "−"));
    words(where, said);
    this.handle.setAttribute("aria-valuetext", `${this.position.toFixed(2)}, ${said}`);
    let nearest = null;
    for (const cell of this.cells) if (!nearest || Math.abs(cell.t - this.position) < Math.abs(nearest.t - this.position)) nearest = cell;
    if (nearest === this.nearest) return;
    this.nearest?.button.removeAttribute("aria-current");
    nearest?.button.setAttribute("aria-current", "true");
    this.nearest = nearest;
  }

  words(position) {
    const { marks, name } = this.data;
    if (name !== "position") return Math.abs(position) < 6e-4 ? "the image as it is" : "times the difference of the groups";
    const on = marks.find(([at]) => Math.abs(at - position) < 6e-4);
    if (on) return `at station ${on[1]}`;
    if (position < marks[0][0]) return `before station ${marks[0][1]}: extrapolated`;
    if (position > marks.at(-1)[0]) return `beyond station ${marks.at(-1)[1]}: extrapolated`;
    const after = marks.findIndex(([at]) => at > position);
    return `between stations ${marks[after - 1][1]} and ${marks[after][1]}`;
  }

  // ---------------------------------------------------------------- playing

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.playButton.textContent = on ? "Pause" : "Play";
    this.playButton.setAttribute("aria-pressed", String(on));
    cancelAnimationFrame(this.timer);
    if (!on) { if (this.alive) this.move(this.position); return; }
    const [low, high] = this.data.inside;
    if (this.position >= high - 1e-6 || this.position < low) { this.position = low; }
    this.forward = 1; this.last = performance.now(); this.stood = this.last;
    const frame = (now) => {
      if (!this.playing || !this.alive) return;
      this.timer = requestAnimationFrame(frame);
      const speed = Number(this.at("select").value), bounce = this.at(".bounce").checked, [from, to] = this.data.inside;
      let share = Math.min(0.1, (now - this.last) / 1000) * speed / SECONDS;
      this.last = now;
      if (this.calm.matches) {  // less motion was asked for: from picture to picture of the strip
        if (now - this.stood < 700 / speed) return;
        this.stood = now;
        const within = this.cells.filter((c) => !c.beyond).length;
        share = 1 / Math.max(1, within - 1);
      }
      let next = this.position + this.forward * share * (to - from);
      if (next > to + 1e-9) { next = bounce ? Math.max(from, 2 * to - next) : from; this.forward = bounce ? -1 : 1; }
      else if (next < from - 1e-9) { next = Math.min(to, 2 * from - next); this.forward = 1; }
      this.move(next, true);
    };
    this.timer = requestAnimationFrame(frame);
  }

  // ---------------------------------------------------------------- the strip

  // as many pictures as have room: every k-th of the positions, counted from the first station
  layOut(anew) {
    const { data } = this, width = this.strip.clientWidth;
    if (!data || !width) return;
    // as many lines as the code may need, so that nothing below it moves when its digits do
    const code = this.at("code"), letter = 0.62 * parseFloat(getComputedStyle(code).fontSize);
    const lines = Math.ceil((this.dims * DIGITS * letter) / Math.max(1, code.clientWidth - 2 * letter));
    code.style.minHeight = `${1.5 * Math.min(MOST_LINES, lines)}em`;
    const usable = width * (1 - 2 * data.edge), span = data.high - data.low;
    const pitch = data.frames.length > 1 ? (usable * (data.frames[1] - data.frames[0])) / span : usable;
    const stride = Math.max(1, Math.ceil(LEAST_CELL / pitch));
    const size = Math.floor(Math.max(12, Math.min(pitch * stride - 3, 2 * width * data.edge - 2, MOST_CELL)));
    const place = (t) => `${100 * (data.edge + ((1 - 2 * data.edge) * (t - data.low)) / span)}%`;
    if (!anew && this.size === size && this.stride === stride) return;
    const known = new Map((anew ? [] : this.cells).map((c) => [c.t, c.canvas]));
    this.size = size; this.stride = stride;
    this.at(".marks").replaceChildren(...data.marks.map(([t, text]) => {
      const mark = document.createElement("span");
      mark.textContent = text; mark.style.left = place(t);
      return mark;
    }));
    const zero = Math.max(0, data.frames.findIndex((t) => Math.abs(t - data.inside[0]) < 1e-9));
    this.cells = data.frames.filter((_, i) => (i - zero) % stride === 0).map((t) => {
      const button = document.createElement("button"), beyond = t < data.inside[0] - 1e-9 || t > data.inside[1] + 1e-9;
      const kept = known.get(t), canvas = kept ?? document.createElement("canvas");
      button.type = "button"; button.className = beyond ? "beyond" : "";
      button.setAttribute("aria-label", `go to ${t.toFixed(2)}`);
      button.style.left = place(t); button.style.width = button.style.height = `${size}px`;
      if (!kept) { canvas.width = data.header.width; canvas.height = data.header.height; }
      button.onclick = () => { this.play(false); this.move(t); };
      button.append(canvas);
      return { t, button, canvas, beyond, done: Boolean(kept?.dataset.done) };
    });
    this.strip.replaceChildren(...this.cells.map((c) => c.button));
    this.strip.style.height = `${size + 8}px`;
    this.write();
    this.fill();
  }

  // decoded when nothing moves: the big picture has the right of way
  fill() {
    const left = this.cells.filter((c) => !c.done).sort((a, b) => a.beyond - b.beyond);
    this.artist?.paint("strip", left.map((c) => this.code(c.t)), (image, k) => {
      const { canvas } = left[k];
      canvas.getContext("2d").putImageData(image, 0, 0);
      canvas.dataset.done = "1"; left[k].done = true;
    }, { failed: (error) => { if (!this.refused(error)) this.fault(`The strip could not be decoded: ${error.message}.`); } });
  }
}
