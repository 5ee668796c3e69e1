import { loadDecoder } from "./decoder.js";

// Decodes small pictures beside the page, so that they never cost the large one a frame.
// In: { run, header } once, then { id, codes }. Out: { id, pictures: [ArrayBuffer of RGBA] } or { failed }.
let ready = null;

onmessage = async ({ data }) => {
  try {
    if (data.header) {
      ready = loadDecoder(data.run, data.header);
      await ready;
      return;
    }
    const decoder = await ready;
    const pictures = data.codes.map((code) => decoder.paint(code, new ImageData(decoder.width, decoder.height)).data.buffer);
    postMessage({ id: data.id, pictures }, pictures);
  } catch (error) {
    postMessage({ failed: error.message });
  }
};
