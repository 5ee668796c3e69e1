// Decodes small pictures beside the page, so that they never cost the large one a frame.
// In: { run, header } once, then { codes }. Out: { pictures: [ArrayBuffer of RGBA] }, or { failed }.
import { loadDecoder } from "./decoder.js";

/** @import { Code, Header } from "./types.js" */
/** @typedef {{ run: string, header: Header, codes?: undefined } | { codes: Code[] }} Message */

/** @type {ReturnType<typeof loadDecoder>} */
let loading;

addEventListener("message", async (/** @type {MessageEvent<Message>} */ { data }) => {
  try {
    if (!data.codes) {
      loading = loadDecoder(data.run, data.header);
      await loading;
      return;
    }
    const decoder = await loading;
    const pictures = data.codes.map(
      (code) => decoder.paint(code, new ImageData(decoder.width, decoder.height)).data.buffer,
    );
    postMessage({ pictures }, { transfer: pictures });
  } catch (error) {
    postMessage({ failed: String(error) });
  }
});
