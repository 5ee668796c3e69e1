/** @import { DialHeader } from "../shared/types.js" */
/** @import { Cell } from "./types.js" */
/** @import { Answer, Message } from "./worker.js" */

/** @typedef {{ thread: Worker, ready: boolean, at: Cell | null }} Helper */

const MOST_WORKERS = 4;
const MOST_FLOATS = 16e6; // weights of all of them together

/**
 * Workers that decode beside the page: one for each core that is left over. Where there are none the page
 * does it all.
 */
export class WorkerPool {
  /** @type {Helper[]} */
  #helpers = [];
  #edition = 0; // counts what the pictures are made from

  /**
   * @param {object} hears
   * @param {() => Cell[]} hears.cells
   * @param {(cell: Cell, pixels: ArrayBuffer, beta: number) => void} hears.painted
   * @param {() => void} hears.changed a worker came, or went: there may be something to do
   */
  constructor(hears) {
    this.hears = hears;
  }

  /** How many are ready. */
  get count() {
    return this.#helpers.filter((helper) => helper.ready).length;
  }

  /** @param {string} run @param {DialHeader} header */
  hire(run, header) {
    const cores = (navigator.hardwareConcurrency || 1) - 1;
    const count = Math.min(MOST_WORKERS, cores, Math.floor(MOST_FLOATS / header.floats));
    for (let i = 0; i < count; i++) {
      let thread;
      try {
        thread = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      } catch {
        return;
      }
      /** @type {Helper} */
      const helper = { thread, ready: false, at: null };
      thread.onmessage = ({ data }) => this.#heard(helper, data);
      thread.onerror = () => this.#lose(helper);
      send(helper, { kind: "open", run, header });
      this.#helpers.push(helper);
    }
  }

  dismiss() {
    for (const helper of [...this.#helpers]) this.#lose(helper);
  }

  /** The pictures are made from something else: what is under way is of no use. */
  brief() {
    this.#edition++;
    for (const helper of this.#helpers) this.#brief(helper);
  }

  /**
   * Gives whoever is idle a picture to paint.
   *
   * @param {() => number} pick numbers of cells, -1 for none
   * @param {number} beta
   */
  feed(pick, beta) {
    for (const helper of this.#helpers) {
      if (!helper.ready || helper.at) continue;
      const k = pick();
      if (k < 0) return;
      helper.at = this.hears.cells()[k];
      helper.at.busy = true;
      send(helper, { kind: "paint", k, beta });
    }
  }

  /** @param {Helper} helper */
  #brief(helper) {
    const cells = this.hears.cells();
    if (!helper.ready || !cells.length) return;
    helper.at = null;
    const sources = cells.flatMap((cell) => cell.source ?? []);
    send(helper, { kind: "sources", sources, edition: this.#edition });
  }

  /**
   * What it was at is done by others.
   *
   * @param {Helper} helper
   */
  #lose(helper) {
    helper.thread.terminate();
    this.#helpers = this.#helpers.filter((other) => other !== helper);
    if (helper.at) helper.at.busy = false;
    this.hears.changed();
  }

  /** @param {Helper} helper @param {Answer} answer */
  #heard(helper, answer) {
    if (!this.#helpers.includes(helper)) return;
    if (answer.kind === "failed") return this.#lose(helper);
    if (answer.kind === "ready") {
      helper.ready = true;
      this.#brief(helper);
    } else if (answer.edition === this.#edition) {
      const cell = this.hears.cells()[answer.k];
      helper.at = null;
      cell.busy = false;
      this.hears.painted(cell, answer.pixels, answer.beta);
    }
    this.hears.changed();
  }
}

/** @param {Helper} helper @param {Message} message */
function send(helper, message) {
  helper.thread.postMessage(message);
}
