// Hands on the map: pan, zoom, pinch, lasso, box, click, hover and keys.

/** @import { LatentMap } from "./map.js" */
/** @typedef {[number, number]} Spot in CSS pixels of the plot */

const TWICE = 280; // milliseconds in which a second click makes a double one
const TWICE_NEAR = 6; // CSS pixels
const DRAGGED = 4; // CSS pixels from which on a press is a drag
const STEP = 40; // CSS pixels that an arrow key moves
const LINE = 33; // pixels of a wheel that counts in lines
const OUTSIDE = -999;

/** @param {Spot} a @param {Spot} b */
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Follows the pointers on a map's surface. */
export class Pointer {
  /** @type {"pan" | "lasso" | "box"} what dragging does */
  mode = "pan";
  /** @type {Spot[] | null} what is being drawn around points */
  lasso = null;
  /** @type {Map<number, Spot>} those that are down, by id */
  #down = new Map();
  /** @type {Spot} where the newest came down */
  #from = [0, 0];
  #dragged = false;
  /** @type {Spot | null} where one hovers */
  #hover = null;
  #looking = 0;
  /** @type {{ at: number, spot: Spot } | null} the last click */
  #clicked = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #single;

  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
    const { surface } = map;
    surface.onpointerdown = (event) => this.#press(event);
    surface.onpointermove = (event) => this.#move(event);
    surface.onpointerup = surface.onpointercancel = (event) => this.#lift(event);
    surface.onpointerleave = () => {
      this.#hover = null;
      if (map.ready) map.point(OUTSIDE, OUTSIDE);
    };
    surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    surface.ondblclick = (event) => {
      clearTimeout(this.#single);
      map.zoom(2, ...this.#spot(event));
    };
    surface.onkeydown = (event) => {
      if (map.ready && !event.ctrlKey && !event.metaKey && this.#key(event.key)) event.preventDefault();
    };
  }

  stop() {
    cancelAnimationFrame(this.#looking);
    clearTimeout(this.#single);
  }

  /**
   * Calls `act` unless another click follows, which zooms.
   *
   * @param {() => void} act
   */
  unlessTwice(act) {
    clearTimeout(this.#single);
    this.#single = setTimeout(act, TWICE);
  }

  /** @param {MouseEvent} event @returns {Spot} */
  #spot(event) {
    const box = this.map.surface.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (!this.map.ready || event.button) return;
    this.map.surface.setPointerCapture(event.pointerId);
    const spot = this.#spot(event);
    this.#down.set(event.pointerId, spot);
    this.#from = spot;
    this.#dragged = this.#down.size > 1;
    this.map.tip.box.hidden = true;
    if (this.mode !== "pan" && this.#down.size === 1) this.lasso = [spot];
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { map } = this;
    if (!map.ready) return;
    const spot = this.#spot(event);
    const last = this.#down.get(event.pointerId);
    if (!last) {
      if (event.pointerType !== "touch") this.#hoverAt(spot);
      return;
    }
    map.plane.movedAt = performance.now();
    if (distance(spot, this.#from) > DRAGGED) this.#dragged = true;
    if (this.#down.size === 2) this.#pinch(event.pointerId, last, spot);
    else if (this.lasso) {
      const [a, b] = this.#from;
      const [x, y] = spot;
      if (this.mode === "box")
        this.lasso = [
          [a, b],
          [x, b],
          [x, y],
          [a, y],
        ];
      else this.lasso.push(spot);
      map.drawOverlay();
    } else if (this.#dragged) {
      map.plot.classList.add("dragging");
      map.pan(spot[0] - last[0], spot[1] - last[1]);
    }
    this.#down.set(event.pointerId, spot);
  }

  /** @param {number} id @param {Spot} last @param {Spot} spot */
  #pinch(id, last, spot) {
    const other = [...this.#down].find(([known]) => known !== id)?.[1] ?? spot;
    const gap = (/** @type {Spot} */ place) => Math.max(8, distance(place, other));
    this.lasso = null;
    this.map.pan((spot[0] - last[0]) / 2, (spot[1] - last[1]) / 2);
    this.map.zoom(gap(spot) / gap(last), (spot[0] + other[0]) / 2, (spot[1] + other[1]) / 2);
  }

  /** @param {Spot} spot */
  #hoverAt(spot) {
    this.#hover = spot;
    this.#looking ||= requestAnimationFrame(() => {
      this.#looking = 0;
      if (!this.#down.size && this.#hover) this.map.point(...this.#hover);
    });
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    const { map } = this;
    const last = this.#down.get(event.pointerId);
    if (!last) return;
    this.#down.delete(event.pointerId);
    map.plot.classList.remove("dragging");
    const { lasso } = this;
    this.lasso = null;
    if (event.type !== "pointercancel") {
      if (!this.#dragged && !this.#down.size) this.#click(event.timeStamp, last);
      else if (lasso && lasso.length > 2) map.choice.select(lasso, event);
    }
    map.drawOverlay();
  }

  /** @param {number} at @param {Spot} spot */
  #click(at, spot) {
    const former = this.#clicked;
    this.#clicked = { at, spot };
    const twice = former && at - former.at < TWICE && distance(spot, former.spot) < TWICE_NEAR;
    if (twice) clearTimeout(this.#single);
    else this.map.click(...spot);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    const { map } = this;
    if (!map.ready) return;
    event.preventDefault();
    map.plane.movedAt = performance.now();
    const turned = event.deltaY * (event.deltaMode ? LINE : 1);
    map.zoom(Math.exp(-Math.max(-120, Math.min(120, turned)) / 300), ...this.#spot(event));
  }

  /** @param {string} key @returns {boolean} whether it was for the map */
  #key(key) {
    const { map } = this;
    const { middle } = map.view;
    /** @type {Record<string, () => void>} */
    const does = {
      ArrowLeft: () => map.pan(STEP, 0),
      ArrowRight: () => map.pan(-STEP, 0),
      ArrowUp: () => map.pan(0, STEP),
      ArrowDown: () => map.pan(0, -STEP),
      "+": () => map.zoom(1.4, ...middle),
      "=": () => map.zoom(1.4, ...middle),
      "-": () => map.zoom(1 / 1.4, ...middle),
      0: () => map.fit(),
      Enter: () => map.clickNearestToMiddle(),
    };
    if (key === "Escape" && map.choice.rows) map.choice.choose(null);
    else if (does[key]) does[key]();
    else return false;
    return true;
  }
}
