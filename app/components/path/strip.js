import { context2d, make } from "../shared/dom.js";

/** @import { Thumbnails } from "../shared/thumbnails.js" */
/** @import { PathData } from "./track.js" */

const LEAST_CELL = 26; // pixels
const MOST_CELL = 112;

/**
 * @typedef {{ t: number, button: HTMLButtonElement, canvas: HTMLCanvasElement, beyond: boolean, done: boolean
 *   }} Cell
 */

/**
 * How large pictures of a strip are, and how many positions go by from one to the next: as many as have room.
 *
 * @param {Pick<PathData, "edge" | "low" | "high" | "frames">} data
 * @param {number} width of the strip in pixels
 */
export function measure({ edge, low, high, frames }, width) {
  const usable = width * (1 - 2 * edge);
  const pitch = frames.length > 1 ? (usable * (frames[1] - frames[0])) / (high - low) : usable;
  const stride = Math.max(1, Math.ceil(LEAST_CELL / pitch));
  const size = Math.floor(Math.max(12, Math.min(pitch * stride - 3, 2 * width * edge - 2, MOST_CELL)));
  return { size, stride };
}

/** The film strip: pictures along the path, each a button that goes there. */
export class Strip {
  /** @type {Cell[]} */
  cells = [];
  #size = 0;
  #stride = 0;
  /** @type {Cell | null} */
  #nearest = null;

  /**
   * @param {HTMLElement} box
   * @param {HTMLElement} marks where the names of the waypoints stand
   * @param {(t: number) => void} go
   */
  constructor(box, marks, go) {
    this.box = box;
    this.marks = marks;
    this.go = go;
  }

  /**
   * Makes the cells, where their size or what they show changed.
   *
   * @param {PathData} data
   * @param {boolean} anew their pictures are of something else
   * @returns {boolean} whether there are new cells
   */
  layOut(data, anew) {
    const { size, stride } = measure(data, this.box.clientWidth);
    if (!anew && this.#size === size && this.#stride === stride) return false;
    const known = new Map((anew ? [] : this.cells).map((cell) => [cell.t, cell.canvas]));
    this.#size = size;
    this.#stride = stride;
    const { edge, low, high, inside } = data;
    const place = (/** @type {number} */ t) =>
      `${100 * (edge + ((1 - 2 * edge) * (t - low)) / (high - low))}%`;
    this.marks.replaceChildren(
      ...data.marks.map(([t, text]) => {
        const mark = make("span", { textContent: text });
        mark.style.left = place(t);
        return mark;
      }),
    );
    // every stride-th of the positions, counted from the first waypoint
    const zero = Math.max(
      0,
      data.frames.findIndex((t) => Math.abs(t - inside[0]) < 1e-9),
    );
    const chosen = data.frames.filter((_, i) => (i - zero) % stride === 0);
    this.cells = chosen.map((t) => {
      const beyond = t < inside[0] - 1e-9 || t > inside[1] + 1e-9;
      const kept = known.get(t);
      const { width, height } = data.header;
      const canvas = kept ?? make("canvas", { width, height });
      const label = { "aria-label": `go to ${t.toFixed(2)}` };
      const button = make("button", { type: "button", className: beyond ? "beyond" : "", ...label }, canvas);
      Object.assign(button.style, { left: place(t), width: `${size}px`, height: `${size}px` });
      button.onclick = () => this.go(t);
      return { t, button, canvas, beyond, done: Boolean(kept?.dataset.done) };
    });
    this.box.replaceChildren(...this.cells.map((cell) => cell.button));
    this.box.style.height = `${size + 8}px`;
    return true;
  }

  /** @param {number} position marks the cell nearest to it */
  point(position) {
    /** @type {Cell | null} */
    let nearest = null;
    for (const cell of this.cells) {
      if (!nearest || Math.abs(cell.t - position) < Math.abs(nearest.t - position)) nearest = cell;
    }
    if (nearest === this.#nearest) return;
    this.#nearest?.button.removeAttribute("aria-current");
    nearest?.button.setAttribute("aria-current", "true");
    this.#nearest = nearest;
  }

  /**
   * Decodes the pictures that are missing, when nothing moves: the big picture has the right of way.
   *
   * @param {Thumbnails} thumbnails
   * @param {(t: number) => Float32Array} code
   * @param {(error: unknown) => void} failed
   */
  fill(thumbnails, code, failed) {
    const left = this.cells.filter((cell) => !cell.done).sort((a, b) => Number(a.beyond) - Number(b.beyond));
    const codes = left.map((cell) => code(cell.t));
    /** @type {(image: ImageData, k: number) => void} */
    const paint = (image, k) => {
      const cell = left[k];
      context2d(cell.canvas).putImageData(image, 0, 0);
      cell.canvas.dataset.done = "1";
      cell.done = true;
    };
    thumbnails.paint("strip", codes, paint, { failed });
  }
}
