// Decodes codes in the browser: the layer list and float32 buffer that vae_core.export.browser_decoder writes.
// Pictures are channels-last throughout. Everything is allocated once; decode() returns views that it reuses.

// `known` is the header where the page has it already, which saves a round trip
export async function loadDecoder(run, known) {
  const header = known ?? await fetchJson(`/api/runs/${run}/decoder.json`);
  const answer = await fetch(`/api/runs/${run}/decoder-${header.stamp}.bin`);
  if (!answer.ok) throw new Error(await reason(answer));
  return new Decoder(header, new Float32Array(await answer.arrayBuffer()));
}

export async function fetchJson(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(await reason(answer));
  return answer.json();
}

async function reason(answer) {
  try { return (await answer.json()).error || answer.statusText; } catch { return answer.statusText; }
}

export class Decoder {
  constructor(header, weights) {
    if (weights.length !== header.floats) throw new Error("the decoder's weights came incomplete");
    Object.assign(this, header);
    this.steps = header.layers.map((layer) => makeStep(layer, weights));
  }

  // code: array of latent_dim numbers -> Float32Array of height * width * channels in [0, 1], reused by the next call
  decode(code) {
    let x = Float32Array.from(code);
    for (const step of this.steps) x = step(x);
    return x;
  }

  // paint a code into an ImageData of the picture's own size
  paint(code, image) {
    const x = this.decode(code), out = image.data, grey = this.channels === 1;
    for (let p = 0, i = 0, n = this.height * this.width; p < n; p++) {
      const j = 4 * p;
      if (grey) {
        const v = x[i++] * 255 + 0.5;
        out[j] = v; out[j + 1] = v; out[j + 2] = v;
      } else {
        out[j] = x[i++] * 255 + 0.5; out[j + 1] = x[i++] * 255 + 0.5; out[j + 2] = x[i++] * 255 + 0.5;
      }
      out[j + 3] = 255;
    }
    return image;
  }
}

function makeStep(layer, weights) {
  if (layer.kind === "linear") return linear(layer, weights);
  if (layer.kind === "up") return up(layer, weights);
  if (layer.kind === "relu") return (x) => { for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0; return x; };
  if (layer.kind === "sigmoid") return (x) => { for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-x[i])); return x; };
  throw new Error(`the browser does not know the layer ${layer.kind}`);
}

function linear({ inputs, outputs, weight, bias }, weights) {
  const w = weights.subarray(weight, weight + inputs * outputs), b = weights.subarray(bias, bias + outputs);
  const out = new Float32Array(outputs);
  return (x) => {
    for (let o = 0, k = 0; o < outputs; o++) {
      let sum = b[o];
      for (let i = 0; i < inputs; i++) sum += w[k++] * x[i];
      out[o] = sum;
    }
    return out;
  };
}

// 4x4 transposed convolution, stride 2, padding 1. An output row 2m takes input rows m (kernel row 1) and m-1 (3),
// an output row 2m+1 takes m (2) and m+1 (0); columns likewise. So every output pixel sums over four taps only.
function up({ inputs, outputs, side, weight, bias }, weights) {
  const w = weights.subarray(weight, weight + 16 * inputs * outputs), b = weights.subarray(bias, bias + outputs);
  const wide = 2 * side, out = new Float32Array(wide * wide * outputs), sum = new Float32Array(outputs);
  const near = [1, 2], far = [3, 0], step = [-1, 1];
  return (x) => {
    for (let oy = 0; oy < wide; oy++) {
      const py = oy & 1, my = oy >> 1;
      for (let ox = 0; ox < wide; ox++) {
        const px = ox & 1, mx = ox >> 1;
        sum.set(b);
        for (let ty = 0; ty < 2; ty++) {
          const iy = ty ? my + step[py] : my;
          if (iy < 0 || iy >= side) continue;
          const ky = ty ? far[py] : near[py];
          for (let tx = 0; tx < 2; tx++) {
            const ix = tx ? mx + step[px] : mx;
            if (ix < 0 || ix >= side) continue;
            const kx = tx ? far[px] : near[px];
            let k = (ky * 4 + kx) * inputs * outputs, i = (iy * side + ix) * inputs;
            for (let c = 0; c < inputs; c++) {
              const v = x[i++];
              if (v === 0) { k += outputs; continue; }  // after a ReLU about half are
              for (let o = 0; o < outputs; o++) sum[o] += v * w[k++];
            }
          }
        }
        out.set(sum, (oy * wide + ox) * outputs);
      }
    }
    return out;
  };
}

// ---------------------------------------------------------------- codes

export function gaussian(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

// mulberry32: a small seeded generator, so that a walk can be repeated
export function seeded(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// great arc between directions, norm going linearly; see vae_core.latent.paths.slerp
export function slerp(a, b, t) {
  const na = Math.hypot(...a), nb = Math.hypot(...b);
  const straight = () => a.map((v, i) => (1 - t) * v + t * b[i]);
  if (Math.min(na, nb) < 1e-8) return straight();
  let chord = 0, anti = 0;
  a.forEach((v, i) => {
    const p = v / na, q = b[i] / nb;
    chord += (p - q) ** 2; anti += (p + q) ** 2;
  });
  const angle = 2 * Math.atan2(Math.sqrt(chord), Math.sqrt(anti));
  if (Math.sin(angle) < 1e-5) return straight();
  const norm = (1 - t) * na + t * nb, wa = Math.sin((1 - t) * angle) / Math.sin(angle), wb = Math.sin(t * angle) / Math.sin(angle);
  return a.map((v, i) => norm * (wa * v / na + wb * b[i] / nb));
}
