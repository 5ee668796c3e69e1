import * as tools from "../shared/decoder.js";
import { mounted } from "../shared/mount.js";

const LEG_SECONDS = 3.5;

export default mounted((root) => start(root), (walk, component) => walk.show(component.data));

function start(root) {
  const canvas = root.querySelector("canvas"), button = root.querySelector("button"), note = root.querySelector("span");
  // who asked their system for less motion gets a picture that stands until played
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  let run = null, stamp = null, timer = 0, alive = true, decoder = null, from, to, t = 0, last = 0, random;

  const say = () => {
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(!playing));
  };
  button.onclick = () => { playing = !playing; say(); last = performance.now(); };

  const frame = (now) => {
    if (!alive) return;
    timer = requestAnimationFrame(frame);
    if (!decoder || (!playing && canvas.dataset.frame !== "0") || document.hidden) { last = now; return; }
    // thirty pictures a second are enough for a slow walk and leave the page its time
    if (now - last < 30 && canvas.dataset.frame !== "0") return;
    t += Math.min(0.1, (now - last) / 1000) / LEG_SECONDS;
    last = now;
    if (t >= 1) { t -= 1; from = to; to = station(); }
    const eased = t * t * (3 - 2 * t);
    const context = canvas.getContext("2d");
    context.putImageData(decoder.paint(tools.slerp(from, to, eased), context.createImageData(decoder.width, decoder.height)), 0, 0);
    canvas.dataset.frame = String(Number(canvas.dataset.frame) + 1);
  };
  const station = () => Array.from({ length: decoder.latent_dim }, () => tools.gaussian(random));

  return {
    async show(data) {
      if (data.header.stamp === stamp) return;
      run = data.run; stamp = data.header.stamp;
      note.textContent = data.caption;
      say();
      try {
        const loaded = await tools.loadDecoder(data.run, data.header);
        if (!alive || stamp !== data.header.stamp) return;
        decoder = loaded;
      } catch (error) {
        note.textContent = `This picture could not be decoded: ${error.message}. Reload the page to try again.`;
        return;
      }
      random = tools.seeded(7);
      canvas.width = decoder.width; canvas.height = decoder.height; canvas.dataset.frame = "0";
      from = station(); to = station(); t = 0; last = performance.now();
      cancelAnimationFrame(timer);
      timer = requestAnimationFrame(frame);
    },
    stop() { alive = false; cancelAnimationFrame(timer); },
  };
}
