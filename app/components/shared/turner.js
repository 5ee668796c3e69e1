import { loadDial } from "./decoder.js";

// Encodes and decodes pictures of a β dial beside the page. In: { run, header } once, { sources, edition } for
// the pictures there are, a picture to encode or a code each, then { k, beta }. Out: { ready }, { k, beta, edition,
// pixels: ArrayBuffer of RGBA } or { failed }.
let ready = null, sources = [], edition = 0;

onmessage = async ({ data }) => {
  try {
    if (data.header) {
      ready = loadDial(data.run, data.header);
      await ready;
      postMessage({ ready: true });
      return;
    }
    if (data.sources) { ({ sources, edition } = data); return; }
    const dial = (await ready).turn(data.beta), pixels = dial.paintSource(sources[data.k], new ImageData(dial.width, dial.height)).data.buffer;
    postMessage({ k: data.k, beta: data.beta, edition, pixels }, [pixels]);
  } catch (error) {
    postMessage({ failed: error.message });
  }
};
