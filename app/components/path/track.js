// Codes along a path: positions and what is there. Nothing here touches the page.

const ON = 6e-4; // positions this near to a waypoint are the waypoint's

/**
 * @typedef {object} PathData What the page hands over; see __init__.py.
 * @property {string} run
 * @property {import("../shared/types.js").Header} header
 * @property {string} name of the handle
 * @property {string} picture what the canvas shows
 * @property {string} t rising positions, float64 in base64
 * @property {string} codes float32 in base64
 * @property {number} low
 * @property {number} high
 * @property {number[]} frames positions of the strip
 * @property {[number, string][]} marks waypoints and their names
 * @property {[number, number]} inside
 * @property {number} position
 * @property {number} edge share of the width left at either end
 * @property {number} rest rem of the window's height that the picture leaves to what stands around it
 * @property {number} link how many were opened; the handle goes to each
 * @property {boolean} reports
 */

/** @param {string} text base64 */
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;

export class Track {
  /** @param {Pick<PathData, "t" | "codes" | "marks">} data */
  constructor({ t, codes, marks }) {
    this.t = new Float64Array(bytes(t));
    this.codes = new Float32Array(bytes(codes));
    this.dims = this.codes.length / this.t.length;
    this.marks = marks;
  }

  /**
   * Straight between the codes at either side; at a waypoint its code exactly.
   *
   * @param {number} position
   * @returns {Float32Array}
   */
  code(position) {
    const { t, codes, dims } = this;
    const at = this.#waypoint(position)?.[0] ?? position;
    let low = 0;
    let high = t.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (t[middle] <= at) low = middle;
      else high = middle;
    }
    const share = Math.min(1, Math.max(0, (at - t[low]) / (t[high] - t[low])));
    const found = new Float32Array(dims);
    for (let d = 0; d < dims; d++) {
      const a = codes[low * dims + d];
      const b = codes[high * dims + d];
      found[d] = share === 0 ? a : share === 1 ? b : a + share * (b - a);
    }
    return found;
  }

  /** @param {number} position */
  #waypoint(position) {
    return this.marks.find(([at]) => Math.abs(at - position) < ON);
  }

  /**
   * Where a position lies, in words. A handle that is not called "position" moves along a direction.
   *
   * @param {number} position
   * @param {string} name of the handle
   */
  describe(position, name) {
    const { marks } = this;
    if (name !== "position") {
      return Math.abs(position) < ON ? "the image as it is" : "times the difference of the groups";
    }
    const on = this.#waypoint(position);
    if (on) return `at waypoint ${on[1]}`;
    if (position < marks[0][0]) return `before waypoint ${marks[0][1]}: extrapolated`;
    const last = marks[marks.length - 1];
    if (position > last[0]) return `beyond waypoint ${last[1]}: extrapolated`;
    const after = marks.findIndex(([at]) => at > position);
    return `between waypoints ${marks[after - 1][1]} and ${marks[after][1]}`;
  }
}

/**
 * The next position of a handle that plays over [from, to], and which way it goes on: 1 or -1.
 *
 * @param {number} position
 * @param {number} forward
 * @param {number} step a length
 * @param {[number, number]} inside
 * @param {boolean} bounce there and back, or from the start again
 */
export function playOn(position, forward, step, [from, to], bounce) {
  const next = position + forward * step;
  if (next > to + 1e-9) {
    return bounce ? { position: Math.max(from, 2 * to - next), forward: -1 } : { position: from, forward };
  }
  if (next < from - 1e-9) return { position: Math.min(to, 2 * from - next), forward: 1 };
  return { position: next, forward };
}
