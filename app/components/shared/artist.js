// Small pictures, decoded by a worker where the page decodes, else asked of the server a batch at a time. A key's
// newest wish replaces its older ones. Held, it does only what was asked for as urgent.
//
// `say(text)` tells of a browser without
// module workers, where the page decodes them one by one.
export function makeArtist({ decoder, run, header, say = () => {} }) {
  const queue = new Map();
  let held = false, busy = false, open = true, worker = null, waiting = null, serial = 0;
  const slow = () => say("This browser has no module workers: small pictures wait until your hand rests.");
  if (decoder.where === "browser") {
    try {
      worker = new Worker(new URL("strips.js", import.meta.url), { type: "module" });
      worker.postMessage({ run, header });
      worker.onmessage = ({ data: answer }) => waiting?.(answer);
      worker.onerror = () => { worker?.terminate(); worker = null; waiting?.({ failed: "no worker" }); slow(); };
    } catch { worker = null; }
    if (!worker) slow();
  }
  const decode = async (codes) => {
    if (decoder.where === "server") return decoder.images(codes);
    if (worker) {
      const id = ++serial;
      const answer = await new Promise((resolve) => { waiting = resolve; worker.postMessage({ id, codes }); });
      if (answer.pictures) return answer.pictures.map((buffer) => new ImageData(new Uint8ClampedArray(buffer), decoder.width, decoder.height));
      worker?.terminate();
      worker = null;
    }
    await new Promise((go) => setTimeout(go, 0));
    return decoder.images(codes);
  };
  const next = () => {
    for (const [key, job] of queue) if (job.urgent) return [key, job];
    return held ? null : queue.entries().next().value;
  };
  async function work() {
    if (busy) return;
    busy = true;
    for (let found; open && (found = next()); ) {
      const [key, job] = found, from = job.done;
      const codes = job.codes.slice(from, from + (decoder.where === "server" ? header.batch : worker ? 3 : 1));
      let images;
      try { images = await decode(codes); } catch (error) {
        // busy: the same again in a moment, unless something newer is wanted by then
        if (error.status === 429) await new Promise((go) => setTimeout(go, 200));
        else if (open && queue.get(key) === job) { queue.delete(key); job.failed?.(error); }
        continue;
      }
      if (!open || queue.get(key) !== job) continue;
      images.forEach((image, k) => job.paint(image, from + k));
      job.done += codes.length;
      if (job.done < job.codes.length) continue;
      queue.delete(key);
      if (job.then) queue.set(key, { ...job, codes: job.then, then: null, done: 0 });
    }
    busy = false;
  }
  return {
    // `paint(image, k)` gets the picture of the k-th code. `finish`: pictures under way are finished first when the
    // same thing is wanted again and again, or none would ever be
    paint(key, codes, paint, { failed = null, urgent = false, finish = false } = {}) {
      const old = queue.get(key);
      if (old && old.done > 0 && finish) { old.then = codes; return; }
      queue.delete(key);
      if (!codes.length) return;
      queue.set(key, { codes, paint, failed, urgent, done: 0 });
      work();
    },
    hold() { held = true; },
    release() { held = false; work(); },
    close() { open = false; queue.clear(); worker?.terminate(); },
  };
}
