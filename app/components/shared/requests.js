/** @import { Page } from "./types.js" */

const PATIENCE = 20_000; // milliseconds until an answer is given up; a batch takes a second or two
const AGAIN = 2000; // milliseconds until a page is told of changed weights once more

/**
 * An answer that is no success: the server's own sentence and its HTTP status, 0 where there was no answer.
 */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {unknown} error
 * @returns {{ status: number | undefined, message: string }} of anything that was thrown
 */
export function describe(error) {
  return {
    status: error instanceof Refused ? error.status : undefined,
    message: error instanceof Error ? error.message : String(error),
  };
}

/**
 * @param {string} url
 * @param {RequestInit} [how]
 * @returns {Promise<Response>}
 * @throws {Refused}
 */
export async function get(url, how) {
  let answer;
  try {
    answer = await fetch(url, how);
  } catch {
    throw how?.signal?.aborted
      ? how.signal.reason
      : new Refused("the server does not answer; is it still running?", 0);
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refused(said.error || answer.statusText, answer.status);
}

/**
 * @param {string} url
 * @param {BodyInit} body
 * @param {AbortSignal} [signal]
 */
export const post = (url, body, signal) => get(url, { method: "POST", body, signal });

/**
 * @param {string} url
 * @returns {Promise<any>}
 */
export const fetchJson = async (url) => (await get(url)).json();

/**
 * @template Kind
 * @param {string} url
 * @param {new (buffer: ArrayBuffer) => Kind} Kind a typed array
 * @returns {Promise<Kind>}
 */
export const fetchArray = async (url, Kind) => new Kind(await (await get(url)).arrayBuffer());

/** @param {number} floats of a network, four bytes each */
export const weightsOf = (floats) => `The network's ${(4e-6 * floats).toFixed(1)} MB`;

const MOMENT = 1000; // milliseconds until a person is told what is waited for

/**
 * Tells what is waited for where it takes longer than a moment to come, as over a slow network.
 *
 * @template Found
 * @param {Promise<Found>} coming
 * @param {string} what they are, such as "The network's 1.7 MB"
 * @param {(text: string) => void} say gets "" once they are there, if it got anything
 * @returns {Promise<Found>}
 */
export async function onItsWay(coming, what, say) {
  let told = false;
  const late = setTimeout(() => {
    told = true;
    say(`${what} are on their way …`);
  }, MOMENT);
  try {
    const found = await coming;
    if (told) say("");
    return found;
  } finally {
    clearTimeout(late);
  }
}

/**
 * The bytes of an answer to `body`. A request that hangs would hold up all after it, so its patience ends.
 *
 * @param {string} url
 * @param {BodyInit} body
 */
export async function postForBytes(url, body) {
  const stop = new AbortController();
  const late = setTimeout(
    () => stop.abort(new Refused(`no answer within ${PATIENCE / 1000} seconds`, 0)),
    PATIENCE,
  );
  try {
    return new Uint8Array(await (await post(url, body, stop.signal)).arrayBuffer());
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(late);
  }
}

/**
 * For a component that met weights older than the run's: asks the page for the new ones by a trigger
 * `outdated`, again until they come, since a rerun that was already under way swallows a trigger.
 */
export class WeightsRenewal {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #asking;

  /**
   * @param {Page} page
   * @param {() => string} stamp of the weights that the component has now
   */
  ask(page, stamp) {
    if (this.#asking !== undefined) return;
    const old = stamp();
    page.setTriggerValue("outdated", old);
    this.#asking = setTimeout(() => {
      this.#asking = undefined;
      if (stamp() === old) this.ask(page, stamp);
    }, AGAIN);
  }

  stop() {
    clearTimeout(this.#asking);
  }
}
