import { pause } from "./dom.js";
import { describe } from "./requests.js";

/** @import { Code, Header } from "./types.js" */
/** @import { PictureDecoder } from "./decoder.js" */

/**
 * @typedef {object} Job
 * @property {Code[]} codes
 * @property {(image: ImageData, k: number) => void} paint gets the picture of the k-th code
 * @property {((error: unknown) => void) | null} failed
 * @property {boolean} urgent
 * @property {number} done how many are painted
 * @property {Code[] | null} after what is wanted of the same kind after this
 */

const BUSY = 200; // milliseconds until a busy server is asked again
const TOGETHER = 3; // pictures that a worker is asked for at a time
const NO_WORKERS = "This browser has no module workers: small pictures wait until your hand rests.";

/**
 * Small pictures, decoded by a worker where the page decodes, else asked of the server a batch at a time. A
 * key's newest wish replaces its older ones. Held, it does only what was asked for as urgent.
 */
export class Thumbnails {
  /** @type {Map<string, Job>} */
  #queue = new Map();
  #held = false;
  #busy = false;
  #open = true;
  /** @type {Worker | null} */
  #worker = null;
  /** @type {((answer: { pictures?: ArrayBuffer[] }) => void) | null} */
  #waiting = null;

  /**
   * @param {object} given
   * @param {PictureDecoder} given.decoder
   * @param {string} given.run
   * @param {Header} given.header
   * @param {(text: string) => void} [given.say] tells of a browser without module workers, where the page
   *   decodes one by one
   */
  constructor({ decoder, run, header, say = () => {} }) {
    this.decoder = decoder;
    this.header = header;
    if (decoder.where === "browser") this.#hire(run, say);
  }

  /**
   * @param {string} key what these pictures are
   * @param {Code[]} codes
   * @param {Job["paint"]} paint
   * @param {object} [how]
   * @param {Job["failed"]} [how.failed]
   * @param {boolean} [how.urgent] also while held
   * @param {boolean} [how.finish] pictures under way are finished first when the same thing is wanted again
   *   and again, or none would ever be
   */
  paint(key, codes, paint, { failed = null, urgent = false, finish = false } = {}) {
    const old = this.#queue.get(key);
    if (old && old.done > 0 && finish) {
      old.after = codes;
      return;
    }
    this.#queue.delete(key);
    if (!codes.length) return;
    this.#queue.set(key, { codes, paint, failed, urgent, done: 0, after: null });
    this.#work();
  }

  hold() {
    this.#held = true;
  }

  release() {
    this.#held = false;
    this.#work();
  }

  close() {
    this.#open = false;
    this.#queue.clear();
    this.#worker?.terminate();
  }

  /** @param {string} run @param {(text: string) => void} say */
  #hire(run, say) {
    try {
      const worker = new Worker(new URL("thumbnail_worker.js", import.meta.url), { type: "module" });
      worker.postMessage({ run, header: this.header });
      worker.onmessage = ({ data: answer }) => this.#waiting?.(answer);
      worker.onerror = () => {
        this.#dismiss();
        this.#waiting?.({});
        say(NO_WORKERS);
      };
      this.#worker = worker;
    } catch {
      say(NO_WORKERS);
    }
  }

  #dismiss() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** @param {Code[]} codes */
  async #decode(codes) {
    const { decoder } = this;
    if (decoder.where === "server") return decoder.images(codes);
    const worker = this.#worker;
    if (worker) {
      /** @type {{ pictures?: ArrayBuffer[] }} */
      const { pictures } = await new Promise((resolve) => {
        this.#waiting = resolve;
        worker.postMessage({ codes });
      });
      if (pictures) {
        return pictures.map(
          (rgba) => new ImageData(new Uint8ClampedArray(rgba), decoder.width, decoder.height),
        );
      }
      this.#dismiss();
    }
    await pause(0);
    return decoder.images(codes);
  }

  #next() {
    for (const [key, job] of this.#queue) if (job.urgent) return { key, job };
    for (const [key, job] of this.#queue) return this.#held ? null : { key, job };
    return null;
  }

  async #work() {
    if (this.#busy) return;
    this.#busy = true;
    for (let found = this.#next(); this.#open && found; found = this.#next()) await this.#doPart(found);
    this.#busy = false;
  }

  /** @param {{ key: string, job: Job }} found */
  async #doPart({ key, job }) {
    const from = job.done;
    const together = this.decoder.where === "server" ? this.header.batch : this.#worker ? TOGETHER : 1;
    const codes = job.codes.slice(from, from + together);
    let images;
    try {
      images = await this.#decode(codes);
    } catch (error) {
      // busy: the same again in a moment, unless something newer is wanted by then
      if (describe(error).status === 429) await pause(BUSY);
      else if (this.#open && this.#queue.get(key) === job) {
        this.#queue.delete(key);
        job.failed?.(error);
      }
      return;
    }
    if (!this.#open || this.#queue.get(key) !== job) return;
    images.forEach((image, k) => {
      job.paint(image, from + k);
    });
    job.done += codes.length;
    if (job.done < job.codes.length) return;
    this.#queue.delete(key);
    if (job.after) this.#queue.set(key, { ...job, codes: job.after, after: null, done: 0 });
  }
}
