import { get } from "../shared/requests.js";

/** @import { Advice, EpochLine, Events, Line, RunName } from "./types.js" */
/** @import { SnapshotLine, Status, StepLine, Term, Terms } from "./types.js" */
/** @import { ControlledLine, ResumedLine, WrittenLine, WrittenStep, WrittenTerms } from "./types.js" */

/** What is known of one run: the lines of its record so far, and its state. */
export class RunRecord {
  /** @type {Line[]} */
  lines = [];
  /** @type {StepLine[]} points since the last step of the record, while the run learns */
  live = [];
  /** @type {Status | null} */
  status = null;
  /** @type {Advice[]} */
  advice = [];
  /** whether something came since it was last drawn; whoever draws takes it back */
  changed = true;
  /** @type {string | null} names the file of events, which is another after a run was begun anew */
  log = null;
  #next = 0;
  /** @type {Record<string, number | null>} of the last step */
  #coefficients = {};

  /**
   * @param {RunName} run
   * @param {string} colour
   */
  constructor({ id, name, dial, encoder, terms, coefficients }, colour) {
    this.id = id;
    this.name = name;
    this.dial = dial;
    this.encoder = encoder;
    this.terms = terms;
    this.coefficients = coefficients;
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
      if (got.status.state !== this.status?.state) this.changed = true; // a chart says what it waits for
      this.status = got.status;
      this.name = got.name;
      if (JSON.stringify(got.advice) !== JSON.stringify(this.advice)) this.changed = true;
      this.advice = got.advice;
      for (const line of got.lines) this.take(line);
      this.#show(got.live ?? []);
      const more = got.next !== this.#next && got.more;
      this.#next = got.next;
      if (!more) return;
    }
  }

  /** @param {string} log */
  #clear(log) {
    this.log = log;
    this.#next = 0;
    this.lines = [];
    this.live = [];
    this.status = null;
    this.advice = [];
    this.changed = true;
  }

  /**
   * Takes up what the run shows beside its record; what the record tells of meanwhile is left out.
   *
   * @param {WrittenStep[]} points
   */
  #show(points) {
    const last = this.lines.findLast((line) => line.event === "step");
    const newer = points.filter(({ step }) => step > (last?.step ?? 0));
    const same = newer.length === this.live.length && newer.at(-1)?.step === this.live.at(-1)?.step;
    if (!same) this.changed = true;
    this.live = newer.map((point) => readableStep(point, this.terms));
  }

  /**
   * Takes a line up. A resumed run supersedes what came after the checkpoint it went on from.
   *
   * @param {WrittenLine} line
   */
  take(line) {
    this.changed = true;
    if (line.event === "resumed") {
      const at = this.lines.findLastIndex((l) => l.event === "checkpoint" && l.step === line.step);
      this.lines = at >= 0 ? this.lines.slice(0, at + 1) : this.lines.filter((l) => isLeft(l, line));
    }
    const found = readable(line, this.terms, this.#coefficients);
    if (found.event === "step") this.#coefficients = found.coefficients;
    this.lines.push(found);
  }

  /** The terms that add up to the loss; without those that an earlier version did not write down. */
  get minimised() {
    const { steps } = this;
    const known = (/** @type {Term} */ { name }) => steps.some((s) => s.terms.parts[name] != null);
    return this.terms.filter((term) => term.weight !== null && (!steps.length || known(term)));
  }

  /** The terms that are only shown, but for those of a chart of their own. */
  get shown() {
    return this.terms.filter((term) => term.weight === null && !term.chart);
  }

  /** Titles of the charts that terms ask for. */
  get ownCharts() {
    return [...new Set(this.terms.map(({ chart }) => chart).filter(Boolean))];
  }

  /** @param {Term} term as it enters the loss, such as "β · rate" */
  weighed(term) {
    const coefficient = this.coefficients.find(({ name }) => name === term.weight);
    return coefficient ? `${coefficient.symbol} · ${term.label}` : term.label;
  }

  /** @returns {StepLine[]} those of the record, and what is shown since */
  get steps() {
    return [...this.lines.filter((line) => line.event === "step"), ...this.live];
  }

  /** @param {string} command @returns {ControlledLine[]} what a hand changed while the run learned */
  changesOf(command) {
    return this.lines
      .filter((line) => line.event === "controlled")
      .filter((line) => line.command === command);
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
 * A line as it is drawn: of earlier versions too, which had one weight, distortion and rate.
 *
 * @param {WrittenLine} line
 * @param {Term[]} terms that the run's objective declares
 * @param {Record<string, number | null>} before the coefficients of the step before it
 * @returns {Line}
 */
export function readable(line, terms, before) {
  if (line.event === "step") return readableStep(line, terms);
  if (line.event === "epoch") {
    const train = readableTerms(line.train, terms, before);
    return { ...line, train, validation: readableTerms(line.validation, terms, before) };
  }
  return line;
}

/**
 * @param {WrittenStep} line
 * @param {Term[]} terms
 * @returns {StepLine}
 */
function readableStep(line, terms) {
  const { beta, capacity } = line;
  /** @type {Record<string, number | null>} */
  const earlier = capacity == null ? { beta: beta ?? null } : { gamma: beta ?? null, capacity };
  const coefficients = line.coefficients ?? earlier;
  return { ...line, coefficients, terms: readableTerms(line.terms, terms, coefficients) };
}

/**
 * Whether a line stays when a run went on from a checkpoint by the clock, which left no line: it is not of a
 * later step, nor a request that the checkpoint did not know of.
 *
 * @param {Line} line
 * @param {ResumedLine} resumed
 */
const isLeft = (line, resumed) =>
  line.step <= resumed.step && !(line.event === "controlled" && line.number > (resumed.control ?? Infinity));

/**
 * @param {WrittenTerms} written
 * @param {Term[]} terms
 * @param {Record<string, number | null>} coefficients
 * @returns {Terms}
 */
function readableTerms(written, terms, coefficients) {
  if (written.values && written.parts) return /** @type {Terms} */ (written);
  const { loss, objective, distortion = null, rate = null, kl_per_dim } = written;
  /** @type {Record<string, number | null>} */
  const values = { distortion, rate };
  /** @type {Record<string, number | null>} */
  const parts = {};
  for (const { name, weight } of terms) {
    const value = values[name] ?? null;
    const by = weight ? (coefficients[weight] ?? null) : 1;
    if (weight !== null) parts[name] = value === null || by === null ? null : by * value;
  }
  return { loss, objective, values, parts, kl_per_dim };
}
