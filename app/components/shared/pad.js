// A pad on which a digit is drawn with mouse or finger. The server encodes it while it is drawn: one request is under
// way, and afterwards one more if the drawing went on, so that the newest wins.
const PEN = 16;  // pixels of the pad, whose side is 196: as wide as MNIST's strokes are in their 28
const INK = 25;  // grey values up to this are no ink: as vae_core.data.user.drawing takes it

// `tools` is decoder.js, `canvas` the pad, `seen` the canvas that shows what is encoded. `weights()` says of what
// {run, stamp} the code is to be. `answered(found, image)` gets each answer of /encode that is still wanted, and the
// picture in it as ImageData; `rested(found)` the newest one once the pen is lifted. `refused(error)` hears what went
// wrong; if it has found new weights when it is done, the drawing is encoded by those.
export function makePad({ tools, canvas, seen, weights, answered, rested = () => {}, refused }) {
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  let down = false, wanted = false, busy = false, open = true, sheet = 0, newest = null;

  const drawn = () => {
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height), grey = new Uint8Array(canvas.width * canvas.height);
    let ink = false;
    for (let p = 0; p < grey.length; p++) ink = (grey[p] = data[4 * p]) > INK || ink;
    return ink ? grey : null;
  };

  const settle = () => {
    if (down || busy || !newest) return;
    const found = newest;
    newest = null;
    rested(found);
  };

  async function encode() {
    wanted = true;
    if (busy) return;
    busy = true;
    while (wanted && open) {
      wanted = false;
      const grey = drawn(), mine = sheet, { run, stamp } = weights(), stale = () => !open || mine !== sheet || run !== weights().run;
      if (!grey) break;
      try {
        const answer = await tools.post(`/api/runs/${run}/encode?stamp=${stamp}&width=${canvas.width}&height=${canvas.height}`, grey);
        const found = await answer.json();
        if (stale()) continue;
        if (stamp !== weights().stamp) { wanted = true; continue; }
        const image = tools.rgba(Uint8Array.from(atob(found.picture), (c) => c.charCodeAt(0)), found);
        seen.width = found.width; seen.height = found.height;
        seen.getContext("2d").putImageData(image, 0, 0);
        newest = { ...found, run, stamp };
        answered(newest, image);
      } catch (error) {
        if (stale()) continue;
        if (error.status === 429) { await new Promise((go) => setTimeout(go, 150)); wanted = true; continue; }
        await refused(error);
        if (!stale() && stamp !== weights().stamp) wanted = true;
      }
    }
    busy = false;
    settle();
  }

  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas.width, ((event.clientY - box.top) / box.height) * canvas.height];
  };
  const lift = () => { down = false; settle(); };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    down = true;
    Object.assign(pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    pen.beginPath(); pen.moveTo(...spot(event)); pen.lineTo(...spot(event)); pen.stroke();
    encode();
  };
  canvas.onpointermove = (event) => {
    if (!down) return;
    pen.lineTo(...spot(event)); pen.stroke();
    encode();
  };
  canvas.onpointerup = canvas.onpointercancel = lift;

  const pad = {
    get down() { return down; },
    get empty() { return !drawn(); },
    encode,
    // an answer that is under way is of a drawing that is gone
    clear() {
      sheet++; newest = null;
      pen.fillStyle = "#000"; pen.fillRect(0, 0, canvas.width, canvas.height);
      seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    },
    close() { open = false; delete canvas.dataset.ready; canvas.onpointerdown = canvas.onpointermove = canvas.onpointerup = canvas.onpointercancel = null; },
  };
  pad.clear();
  canvas.dataset.ready = "";  // from here on a pen is followed
  return pad;
}
