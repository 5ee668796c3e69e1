// Encodes and decodes pictures of a β dial beside the page. In: { run, header } once, { sources, edition }
// for the pictures there are, then { k, beta }. Out: { ready }, { k, beta, edition, pixels: ArrayBuffer of
// RGBA } or { failed }.
import { loadDial } from "../shared/decoder.js";

/** @import { DialSource } from "../shared/decoder.js" */
/** @import { DialHeader } from "../shared/types.js" */

/**
 * @typedef {{ kind: "open", run: string, header: DialHeader }
 *   | { kind: "sources", sources: DialSource[], edition: number }
 *   | { kind: "paint", k: number, beta: number }} Message
 */
/**
 * @typedef {{ kind: "ready" }
 *   | { kind: "painted", k: number, beta: number, edition: number, pixels: ArrayBuffer }
 *   | { kind: "failed", message: string }} Answer
 */

/** @type {ReturnType<typeof loadDial>} */
let loading;
/** @type {DialSource[]} */
let sources = [];
let edition = 0;

/** @param {Answer} answer @param {ArrayBuffer[]} transfer */
const answer = (answer, transfer = []) => postMessage(answer, { transfer });

/** @param {Message} message */
async function take(message) {
  if (message.kind === "open") {
    loading = loadDial(message.run, message.header);
    await loading;
    answer({ kind: "ready" });
  } else if (message.kind === "sources") {
    ({ sources, edition } = message);
  } else {
    const { k, beta } = message;
    const dial = (await loading).turn(beta);
    const pixels = dial.paintSource(sources[k], new ImageData(dial.width, dial.height)).data.buffer;
    answer({ kind: "painted", k, beta, edition, pixels }, [pixels]);
  }
}

addEventListener("message", async (/** @type {MessageEvent<Message>} */ { data }) => {
  try {
    await take(data);
  } catch (error) {
    answer({ kind: "failed", message: String(error) });
  }
});
