import { get } from "../shared/requests.js";

/** @import { Advice, EpochLine, Events, Line, RunName } from "./types.js" */
/** @import { SnapshotLine, Status, StepLine, Terms } from "./types.js" */

/** What is known of one run: the lines of its record so far, and its state. */
export class RunRecord {
  /** @type {Line[]} */
  lines = [];
  /** @type {Status | null} */
  status = null;
  /** @type {Advice[]} */
  advice = [];
  /** whether something came since it was last drawn; whoever draws takes it back */
  changed = true;
  /** @type {string | null} names the file of events, which is another after a run was begun anew */
  log = null;
  #next = 0;

  /**
   * @param {RunName} run
   * @param {string} colour
   */
  constructor({ id, name, dial }, colour) {
    this.id = id;
    this.name = name;
    this.dial = dial;
    this.colour = colour;
  }

  /** Reads what came since the last time. */
  async fetch() {
    for (;;) {
      const answer = await get(`/api/runs/${this.id}/events?after=${this.#next}`, { cache: "no-store" });
      /** @type {Events} */
      const got = await answer.json();
      if (this.log !== null && got.log !== this.log) {
        this.#clear(got.log);
        continue;
      }
      this.log = got.log;
      this.status = got.status;
      this.name = got.name;
      if (JSON.stringify(got.advice) !== JSON.stringify(this.advice)) this.changed = true;
      this.advice = got.advice;
      for (const line of got.lines) this.take(line);
      const more = got.next !== this.#next && got.lines.length > 0 && got.more;
      this.#next = got.next;
      if (!more) return;
    }
  }

  /** @param {string} log */
  #clear(log) {
    this.log = log;
    this.#next = 0;
    this.lines = [];
    this.status = null;
    this.advice = [];
    this.changed = true;
  }

  /**
   * Takes a line up. A resumed run supersedes what came after the checkpoint it went on from.
   *
   * @param {Line} line
   */
  take(line) {
    this.changed = true;
    if (line.event === "resumed") {
      const at = this.lines.findLastIndex((l) => l.event === "checkpoint" && l.step === line.step);
      this.lines = at >= 0 ? this.lines.slice(0, at + 1) : this.lines.filter((l) => l.step <= line.step);
    }
    this.lines.push(flat(line));
  }

  /** @returns {StepLine[]} */
  get steps() {
    return this.lines.filter((line) => line.event === "step");
  }

  /** @returns {EpochLine[]} */
  get epochs() {
    return this.lines.filter((line) => line.event === "epoch");
  }

  /** @returns {SnapshotLine[]} */
  get snapshots() {
    return this.lines.filter((line) => line.event === "snapshot");
  }
}

/**
 * A line whose terms and β stand where the charts look for them: the record holds terms by name in `values`,
 * and the weight of the second term among `coefficients`.
 *
 * @param {Line} line as it was written
 * @returns {Line}
 */
function flat(line) {
  if (line.event === "step") {
    const { beta, gamma } = line.coefficients ?? {};
    return { ...line, terms: flatTerms(line.terms), beta: beta ?? gamma ?? line.beta };
  }
  if (line.event === "epoch") {
    return { ...line, train: flatTerms(line.train), validation: flatTerms(line.validation) };
  }
  return line;
}

/** @param {Terms} terms */
const flatTerms = (terms) => ({ ...terms, ...terms.values });
