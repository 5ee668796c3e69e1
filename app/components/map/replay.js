import { finder, press } from "../shared/dom.js";

/** @import { MapData } from "./types.js" */

const SECONDS = 8; // from end to end, or an epoch a second where there are fewer
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Points between two frames lie on the straight line between them: nothing is known of the way.
 *
 * @param {Float32Array} frames (E, N, 2)
 * @param {number} size 2 N
 * @param {number} at
 * @returns {Float32Array} (N, 2)
 */
export function frameAt(frames, size, at) {
  const low = Math.floor(at);
  const share = at - low;
  const points = frames.slice(low * size, (low + 1) * size);
  if (share > 0) {
    const after = frames.subarray((low + 1) * size, (low + 2) * size);
    for (let i = 0; i < size; i++) points[i] += share * (after[i] - points[i]);
  }
  return points;
}

/** The handle over the epochs of a run's training, which also plays. */
export class Replay {
  /** @type {MapData["frames"]} */
  frames;
  #frame = 0;

  /** @param {ParentNode} root @param {(at: number) => void} moved to a place between the frames */
  constructor(root, moved) {
    const at = finder(root);
    this.moved = moved;
    this.box = at(".replay");
    this.input = at(".replay input", HTMLInputElement);
    this.output = at(".replay output");
    this.button = at("[data-do=play]");
    this.input.oninput = () => {
      this.play(false);
      moved(this.at);
    };
  }

  /** @param {MapData["frames"]} frames @param {boolean} anew others than before: the last is shown */
  take(frames, anew) {
    this.frames = frames;
    this.box.hidden = !frames;
    if (!frames) {
      this.play(false);
      return;
    }
    this.input.max = String(frames.words.length - 1);
    if (anew) this.input.value = this.input.max;
  }

  get at() {
    return Math.min(Number(this.input.value), (this.frames?.words.length ?? 1) - 1);
  }

  write() {
    const words = this.frames?.words[Math.round(this.at)] ?? "";
    this.output.textContent = words;
    this.input.setAttribute("aria-valuetext", words);
  }

  toggle() {
    this.play(!this.#frame);
  }

  /** @param {boolean} on */
  play(on) {
    if (on === Boolean(this.#frame)) return;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    press(this.button, on, on ? "Pause" : "Play");
    if (!on) return;
    const { input } = this;
    const end = Number(input.max);
    let at = Number(input.value) >= end ? 0 : Number(input.value);
    let last = performance.now();
    const step = (/** @type {number} */ now) => {
      this.#frame = requestAnimationFrame(step);
      const epochs = ((now - last) / 1000) * Math.max(1, end / SECONDS);
      // less motion was asked for: from epoch to epoch, a second each at least
      if (calm() && now - last < 1000) return;
      at = calm() ? Math.floor(at + epochs) : at + Math.min(0.1 * Math.max(1, end / SECONDS), epochs);
      last = now;
      if (at >= end) {
        at = end;
        this.play(false);
      }
      input.value = String(at);
      this.moved(at);
    };
    this.#frame = requestAnimationFrame(step);
  }
}
