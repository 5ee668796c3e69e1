// Decodes codes in the browser: the layer list and float32 buffer that vae_core.export.browser.browser_decoder writes. Of a
// β dial (browser_dial there) it encodes too, at any β. Pictures are channels-last throughout. Everything is allocated
// once; decode() and encode() return views that they reuse.

// `known` is the header where the page has it already, which saves a round trip
export async function loadDecoder(run, known) {
  const header = known ?? await fetchJson(`/api/runs/${run}/decoder.json`);
  const answer = await get(`/api/runs/${run}/decoder-${header.stamp}.bin`);
  return new Decoder(header, new Float32Array(await answer.arrayBuffer()));
}

// Both networks of a run with a β dial, at β = 1 until it is turned. A network beyond what a page is given (no layers)
// is refused, as a run without a dial is by the server.
export async function loadDial(run, known) {
  const header = known ?? await fetchJson(`/api/runs/${run}/dial.json`);
  if (!header.decoder.length) throw new Refused("this network is too large to be turned in the browser", 413);
  const answer = await get(`/api/runs/${run}/dial-${header.stamp}.bin`);
  return new Dial(header, new Float32Array(await answer.arrayBuffer()));
}

export async function fetchArray(url, Kind) { return new Kind(await (await get(url)).arrayBuffer()); }

const AGAIN = 2000;  // milliseconds until a page is told of changed weights once more

// For a component (with `data.header`, `tell`, `alive`) that met weights older than the run's: asks the page for the new
// ones, again until it brings others, since a rerun that was already under way swallows a trigger.
export function outdated(component) {
  const { stamp } = component.data.header;
  if (component.asking) return;
  component.tell.setTriggerValue("outdated", stamp);
  component.asking = setTimeout(() => {
    component.asking = 0;
    if (component.alive && component.data.header.stamp === stamp) outdated(component);
  }, AGAIN);
}

export async function fetchJson(url) { return (await get(url)).json(); }

async function reason(answer) {
  try { return (await answer.json()).error || answer.statusText; } catch { return answer.statusText; }
}

export class Refused extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

export const get = (url) => ask(url);
export const post = (url, body, signal) => ask(url, { method: "POST", body, signal });

async function ask(url, how) {
  let answer;
  try {
    answer = await fetch(url, how);
  } catch {
    throw how?.signal?.aborted ? how.signal.reason : new Refused("the server does not answer; is it still running?", 0);
  }
  if (!answer.ok) throw new Refused(await reason(answer), answer.status);
  return answer;
}

const PATIENCE = 20_000;  // milliseconds until an answer is given up; a batch takes a second or two

// the bytes of an answer to `body`, unless it takes longer than that: a request that hangs would hold up all after it
async function bytesOf(url, body) {
  const stop = new AbortController();
  const late = setTimeout(() => stop.abort(new Refused(`no answer within ${PATIENCE / 1000} seconds`, 0)), PATIENCE);
  try {
    return new Uint8Array(await (await post(url, body, stop.signal)).arrayBuffer());
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally { clearTimeout(late); }
}

// What decodes a run's codes: this page where the header carries layers, else the server (too large a network, or of
// a kind that the browser does not know). `images(codes)` gives a promise of ImageData, a picture per code.
export async function openDecoder(run, header) {
  if (header.layers.length) {
    const decoder = await loadDecoder(run, header);
    decoder.where = "browser";
    decoder.images = async (codes) => codes.map((code) => decoder.paint(code, new ImageData(decoder.width, decoder.height)));
    return decoder;
  }
  const size = header.height * header.width;
  return {
    ...header, where: "server",
    async images(codes) {
      const found = [];
      for (let i = 0; i < codes.length; i += header.batch) {
        const part = codes.slice(i, i + header.batch);
        const bytes = await bytesOf(`/api/runs/${run}/decode?stamp=${header.stamp}`, Float32Array.from(part.flatMap((c) => [...c])));
        part.forEach((_, k) => found.push(rgba(bytes.subarray(k * size * header.channels, (k + 1) * size * header.channels), header)));
      }
      return found;
    },
  };
}

// uint8 channels-last pixels -> ImageData
export function rgba(bytes, { width, height, channels }) {
  const image = new ImageData(width, height), out = image.data;
  for (let p = 0, i = 0; p < width * height; p++) {
    for (let c = 0; c < 3; c++) out[4 * p + c] = bytes[channels === 1 ? i : i + c];
    i += channels;
    out[4 * p + 3] = 255;
  }
  return image;
}

// A canvas that shows what a code decodes to. `draw(code)` may be called as often as wanted: the newest is painted
// within the next frame, or as soon as the server answers. `onpaint(code)` follows each picture, so that what is
// written beside it is always the code that made it. `say(text)` gets what went wrong, and "" when it is well again.
export async function openPicture({ run, header, canvas, say = () => {} }) {
  const decoder = await openDecoder(run, header);
  const context = canvas.getContext("2d");
  canvas.dataset.frame ??= "0";
  const image = decoder.where === "browser" ? new ImageData(decoder.width, decoder.height) : null;
  let wanted = null, scheduled = 0, asking = false, open = true, failed = false;

  const picture = {
    decoder, where: decoder.where, onpaint: null, decodeMs: 0,
    draw(code) {
      wanted = code;
      if (decoder.where === "browser") scheduled ||= requestAnimationFrame(here);
      else if (!asking) there();
    },
    close() { open = false; cancelAnimationFrame(scheduled); },
  };
  // only when something is painted: a picture that was asked for and given up must not clear its successor's
  const put = (found) => {
    if (canvas.width !== decoder.width || canvas.height !== decoder.height) { canvas.width = decoder.width; canvas.height = decoder.height; }
    context.putImageData(found, 0, 0);
  };
  const painted = (code) => {
    canvas.dataset.frame = String(Number(canvas.dataset.frame) + 1);
    picture.onpaint?.(code);
  };
  function here() {
    scheduled = 0;
    if (!open || !wanted) return;
    const code = wanted, began = performance.now();
    wanted = null;
    put(decoder.paint(code, image));
    picture.decodeMs = performance.now() - began;
    painted(code);
  }
  async function there() {
    asking = true;
    while (open && wanted) {
      const code = wanted, began = performance.now();
      wanted = null;
      // what went wrong with the one before stands until this one is there
      const slow = failed ? 0 : setTimeout(() => say("The server is still decoding…"), 1000);
      try {
        const [found] = await decoder.images([code]);
        if (!open) break;
        put(found);
        picture.decodeMs = performance.now() - began;
        failed = false;
        say("");
        painted(code);
      } catch (error) {
        if (!open) break;
        picture.onrefused?.(error);
        if (error.status === 429) {  // busy: try again with whatever is newest then
          await new Promise((go) => setTimeout(go, 150));
          wanted ??= code;
        } else if ((failed = ![404, 410].includes(error.status) || !picture.onrefused)) say(`The server could not decode this: ${error.message}.`);
      } finally { clearTimeout(slow); }
    }
    asking = false;
  }
  return picture;
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

  // paint a code into an ImageData of the picture's own size, whose clamped array rounds
  paint(code, image) {
    const x = this.decode(code), out = image.data, grey = this.channels === 1;
    for (let p = 0, i = 0, n = this.height * this.width; p < n; p++) {
      const j = 4 * p;
      if (grey) {
        const v = x[i++] * 255;
        out[j] = v; out[j + 1] = v; out[j + 2] = v;
      } else {
        out[j] = x[i++] * 255; out[j + 1] = x[i++] * 255; out[j + 2] = x[i++] * 255;
      }
      out[j + 3] = 255;
    }
    return image;
  }
}

// A Decoder that turns, with the encoder beside it. turn(beta) takes microseconds, so a page may call it per picture.
export class Dial extends Decoder {
  constructor(header, weights) {
    super({ ...header, layers: header.decoder }, weights);
    this.encoding = header.encoder.map((layer) => makeStep(layer, weights));
    this.turn(Math.min(Math.max(1, this.lowest), this.highest));
  }

  // all that is encoded and decoded from here on is at this β
  turn(beta) {
    if (!(beta >= this.lowest && beta <= this.highest)) throw new RangeError(`β = ${beta} is not on this dial, which goes from ${this.lowest} to ${this.highest}`);
    const t = (Math.log(beta) - this.middle) / this.reach;
    for (const step of this.encoding) step.turn?.(t);
    for (const step of this.steps) step.turn?.(t);
    this.beta = beta;
    return this;
  }

  // picture: Float32Array of height * width * channels in [0, 1] -> { mean, logVar } of latent_dim numbers each,
  // reused by the next call
  encode(picture) {
    if (picture.length !== this.height * this.width * this.channels) throw new RangeError(`a picture of ${this.height} × ${this.width} × ${this.channels} numbers was expected`);
    let x = picture;
    for (const step of this.encoding) x = step(x);
    return { mean: x.subarray(0, this.latent_dim), logVar: x.subarray(this.latent_dim) };
  }

  // a { picture } by the mean of its posterior at this β, or a { code }
  paintSource({ picture, code }, image) { return this.paint(picture ? this.encode(picture).mean : code, image); }
}

// the pixels of an ImageData (or of anything with RGBA bytes as `data`) as encode() takes them
export function floats({ data }, channels) {
  const n = data.length / 4, x = new Float32Array(n * channels);
  for (let p = 0, i = 0; p < n; p++) for (let c = 0; c < channels; c++) x[i++] = data[4 * p + c] / 255;
  return x;
}

function makeStep(layer, weights) {
  if (layer.kind === "linear") return linear(layer, weights);
  if (layer.kind === "up") return up(layer, weights);
  if (layer.kind === "down") return down(layer, weights);
  if (layer.kind === "gate") return gate(layer, weights);
  if (layer.kind === "relu") return (x) => { for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0; return x; };
  if (layer.kind === "sigmoid") return (x) => { for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-x[i])); return x; };
  throw new Error(`the browser does not know the layer ${layer.kind}`);
}

function linear({ inputs, outputs, weight, bias }, weights) {
  const w = weights.subarray(weight, weight + inputs * outputs), b = weights.subarray(bias, bias + outputs);
  const out = new Float32Array(outputs);
  return (x) => {
    for (let o = 0, k = 0; o < outputs; o++) {
      // four sums at a time: one alone waits for each addition before the next
      let s0 = b[o], s1 = 0, s2 = 0, s3 = 0, i = 0;
      for (; i + 3 < inputs; i += 4, k += 4) {
        s0 += w[k] * x[i]; s1 += w[k + 1] * x[i + 1]; s2 += w[k + 2] * x[i + 2]; s3 += w[k + 3] * x[i + 3];
      }
      for (; i < inputs; i++, k++) s0 += w[k] * x[i];
      out[o] = s0 + s1 + s2 + s3;
    }
    return out;
  };
}

// Scales and shifts each unit or channel in place, by what turn(t) worked out. On a layer's outputs that is the layer
// with its weights scaled by row, and costs a thousandth of scaling those anew whenever β moves.
function gate({ units, degree, scale, shift }, weights) {
  const s = new Float64Array(units), b = new Float64Array(units);
  const step = (x) => {
    for (let i = 0; i < x.length;) for (let u = 0; u < units; u++, i++) x[i] = x[i] * s[u] + b[u];
    return x;
  };
  step.turn = (t) => {
    s.fill(1);
    b.fill(0);
    for (let k = 0, power = t; k < degree; k++, power *= t) for (let u = 0; u < units; u++) {
      s[u] += power * weights[scale + k * units + u];
      b[u] += power * weights[shift + k * units + u];
    }
  };
  return step;
}

// 4x4 convolution, stride 2, padding 1. With a frame of zeros around the input, output pixel (y, x) sums over rows
// 2y ... 2y + 3 of it, in each of which its four columns with all channels lie together.
function down(layer, weights) {
  if (layer.side % 8 === 0) try { return downTogether(layer, weights); } catch { /* a browser without WebAssembly's SIMD */ }
  return downAlone(layer, weights);
}

function downTogether({ inputs, outputs, side, weight, bias }, weights) {
  const half = side / 2, row = (side + 2) * inputs, { lanes, kept } = lanesOf(outputs), perBlock = 16 * inputs * lanes;
  const { f, at: [, wAt, bAt, outAt], arrays: [padded, w, b, out] } = together(
    [(side + 2) * row, perBlock * (kept / lanes), kept, half * half * kept], { rows: 4, below: 4 * row, run: 4 * inputs, pixel: 8 * inputs, next: 4 * kept, lanes });
  for (let o = 0, k = 0; o < kept; o += lanes) for (let i = 0; i < 16 * inputs; i++) for (let j = 0; j < lanes; j++, k++) if (o + j < outputs) w[k] = weights[weight + i * outputs + o + j];
  b.set(weights.subarray(bias, bias + outputs));
  const pack = packer(out, kept, outputs);
  return (x) => {
    for (let y = 0; y < side; y++) padded.set(x.subarray(y * side * inputs, (y + 1) * side * inputs), (y + 1) * row + inputs);
    for (let y = 0; y < half; y++) for (let px = 0; px < half; px += 4) {
      const from = 4 * (2 * y * row + 2 * px * inputs), to = outAt + 4 * (y * half + px) * kept;
      for (let o = 0, part = wAt; o < kept; o += lanes, part += 4 * perBlock) f(from, part, bAt + 4 * o, to + 4 * o);
    }
    return pack();
  };
}

// The same without it: outputs go in blocks of four, two pixels at a time, as in `upAlone`.
function downAlone({ inputs, outputs, side, weight, bias }, weights) {
  const half = side / 2, row = (side + 2) * inputs, run = 4 * inputs, block = outputs % 4 === 0 && half % 2 === 0 ? 4 : 1;
  const out = new Float32Array(half * half * outputs), padded = new Float64Array((side + 2) * row);
  const b = weights.subarray(bias, bias + outputs);
  const w = new Float64Array(16 * inputs * outputs);  // [output block][kernel row][column, input][output in block]
  for (let o = 0, k = 0; o < outputs; o += block) for (let i = 0; i < 16 * inputs; i++) for (let j = 0; j < block; j++) w[k++] = weights[weight + i * outputs + o + j];
  return (x) => {
    for (let y = 0; y < side; y++) padded.set(x.subarray(y * side * inputs, (y + 1) * side * inputs), (y + 1) * row + inputs);
    for (let y = 0; y < half; y++) for (let px = 0; px < half; px += block === 4 ? 2 : 1) {
      const from = 2 * y * row + 2 * px * inputs, right = 2 * inputs;  // the next pixel's columns begin there
      let at = (y * half + px) * outputs, k = 0;
      if (block === 4) {
        for (let o = 0; o < outputs; o += 4, at += 4) {
          const b0 = b[o], b1 = b[o + 1], b2 = b[o + 2], b3 = b[o + 3];
          let s0 = b0, s1 = b1, s2 = b2, s3 = b3, r0 = b0, r1 = b1, r2 = b2, r3 = b3;
          for (let r = 0; r < 4; r++) for (let i = from + r * row, end = i + run; i < end; i++, k += 4) {
            const v = padded[i], u = padded[i + right], w0 = w[k], w1 = w[k + 1], w2 = w[k + 2], w3 = w[k + 3];
            s0 += v * w0; s1 += v * w1; s2 += v * w2; s3 += v * w3;
            r0 += u * w0; r1 += u * w1; r2 += u * w2; r3 += u * w3;
          }
          out[at] = s0; out[at + 1] = s1; out[at + 2] = s2; out[at + 3] = s3;
          out[at + outputs] = r0; out[at + outputs + 1] = r1; out[at + outputs + 2] = r2; out[at + outputs + 3] = r3;
        }
      } else {
        for (let o = 0; o < outputs; o++) {
          let s = b[o];
          for (let r = 0; r < 4; r++) for (let i = from + r * row, end = i + run; i < end; i++) s += padded[i] * w[k++];
          out[at + o] = s;
        }
      }
    }
    return out;
  };
}

// 4x4 transposed convolution, stride 2, padding 1. An output row 2m takes input rows m (kernel row 1) and m-1 (3),
// an output row 2m+1 takes m (2) and m+1 (0); columns likewise. So every output pixel sums over four taps only.
// The input gets a frame of zeros, so that no tap needs to ask whether it lies inside.
function up(layer, weights) {
  if (layer.side % 4 === 0 && layer.inputs % 2 === 0) try { return upTogether(layer, weights); } catch { /* a browser without WebAssembly's SIMD */ }
  return upAlone(layer, weights);
}

// The two columns that an output of a phase (odd or even rows and columns) takes lie side by side with all their channels.
function upTogether({ inputs, outputs, side, weight, bias }, weights) {
  const wide = 2 * side, framed = side + 2, { lanes, kept } = lanesOf(outputs), perBlock = 4 * inputs * lanes, perPhase = perBlock * (kept / lanes);
  const { f, at: [, wAt, bAt, outAt], arrays: [padded, w, b, out] } = together(
    [framed * framed * inputs, 4 * perPhase, kept, wide * wide * kept], { rows: 2, below: 4 * framed * inputs, run: 2 * inputs, pixel: 4 * inputs, next: 8 * kept, lanes });
  let k = 0;
  for (let py = 0; py < 2; py++) for (let px = 0; px < 2; px++) for (let o = 0; o < kept; o += lanes) for (let r = 0; r < 2; r++) for (let c = 0; c < 2; c++) {
    const from = weight + ((3 - py - 2 * r) * 4 + 3 - px - 2 * c) * inputs * outputs;
    for (let i = 0; i < inputs; i++) for (let j = 0; j < lanes; j++, k++) if (o + j < outputs) w[k] = weights[from + i * outputs + o + j];
  }
  b.set(weights.subarray(bias, bias + outputs));
  const row = side * inputs, pack = packer(out, kept, outputs);
  return (x) => {
    for (let y = 0; y < side; y++) padded.set(x.subarray(y * row, y * row + row), ((y + 1) * framed + 1) * inputs);
    for (let py = 0; py < 2; py++) for (let px = 0; px < 2; px++) for (let my = 0; my < side; my++) for (let mx = 0; mx < side; mx += 4) {
      const from = 4 * ((my + py) * framed + mx + px) * inputs, to = outAt + 4 * ((2 * my + py) * wide + 2 * mx + px) * kept;
      for (let o = 0, part = wAt + 4 * (2 * py + px) * perPhase; o < kept; o += lanes, part += 4 * perBlock) f(from, part, bAt + 4 * o, to + 4 * o);
    }
    return pack();
  };
}

// The same without it: outputs go in blocks whose sums stay in registers while all taps and channels run past.
function upAlone({ inputs, outputs, side, weight, bias }, weights) {
  const wide = 2 * side, framed = side + 2, block = outputs % 4 === 0 ? 4 : outputs === 3 ? 3 : 1;
  const out = new Float32Array(wide * wide * outputs), padded = new Float64Array(framed * framed * inputs);
  const b = weights.subarray(bias, bias + outputs);
  const near = [1, 2], far = [3, 0], step = [-1, 1];
  // per phase: [output block][tap][input][output in block]
  const phases = [];
  for (let py = 0; py < 2; py++) for (let px = 0; px < 2; px++) {
    const w = new Float64Array(outputs * 4 * inputs);
    let k = 0;
    for (let o = 0; o < outputs; o += block) for (let ty = 0; ty < 2; ty++) for (let tx = 0; tx < 2; tx++) {
      const ky = ty ? far[py] : near[py], kx = tx ? far[px] : near[px];
      const from = weight + (ky * 4 + kx) * inputs * outputs;
      for (let c = 0; c < inputs; c++) for (let j = 0; j < block; j++) w[k++] = weights[from + c * outputs + o + j];
    }
    phases.push({ py, px, w });
  }
  const taps = new Int32Array(4), row = side * inputs;
  // per pair of neighbouring input pixels: the channels in which either is not zero. After a ReLU half of them are.
  const active = new Int32Array(framed * framed * inputs), counts = new Int32Array(framed * framed);
  return (x) => {
    for (let y = 0; y < side; y++) padded.set(x.subarray(y * row, y * row + row), ((y + 1) * framed + 1) * inputs);
    let listed = 0;
    if (block === 4) {
      for (let p = 0, i = 0; p < framed * framed - 1; p++) {
        let n = p * inputs;
        for (let c = 0; c < inputs; c++, i++) if (padded[i] !== 0 || padded[i + inputs] !== 0) active[n++] = c;
        counts[p] = n;
        listed += n - p * inputs;
      }
    }
    const dense = listed > 0.75 * side * side * inputs;  // a list costs more than it saves
    for (const { py, px, w } of phases) {
      for (let my = 0; my < side; my++) for (let mx = 0; mx < side; mx += block === 4 ? 2 : 1) {
        for (let t = 0; t < 4; t++) {
          const iy = my + 1 + (t & 2 ? step[py] : 0), ix = mx + 1 + (t & 1 ? step[px] : 0);
          taps[t] = iy * framed + ix;
        }
        let k = 0, at = ((2 * my + py) * wide + 2 * mx + px) * outputs;
        if (block === 4) {
          const right = 2 * outputs;  // the same phase's next pixel
          for (let o = 0; o < outputs; o += 4, at += 4) {
            const b0 = b[o], b1 = b[o + 1], b2 = b[o + 2], b3 = b[o + 3];
            let s0 = b0, s1 = b1, s2 = b2, s3 = b3, r0 = b0, r1 = b1, r2 = b2, r3 = b3;
            for (let t = 0; t < 4; t++, k += 4 * inputs) {
              const pixel = taps[t], from = pixel * inputs;
              if (dense) {
                for (let i = from, q = k, end = from + inputs; i < end; i++, q += 4) {
                  const v = padded[i], u = padded[i + inputs], w0 = w[q], w1 = w[q + 1], w2 = w[q + 2], w3 = w[q + 3];
                  s0 += v * w0; s1 += v * w1; s2 += v * w2; s3 += v * w3;
                  r0 += u * w0; r1 += u * w1; r2 += u * w2; r3 += u * w3;
                }
              } else for (let n = from, end = counts[pixel]; n < end; n++) {
                const c = active[n], i = from + c, q = k + 4 * c;
                const v = padded[i], u = padded[i + inputs], w0 = w[q], w1 = w[q + 1], w2 = w[q + 2], w3 = w[q + 3];
                s0 += v * w0; s1 += v * w1; s2 += v * w2; s3 += v * w3;
                r0 += u * w0; r1 += u * w1; r2 += u * w2; r3 += u * w3;
              }
            }
            out[at] = s0; out[at + 1] = s1; out[at + 2] = s2; out[at + 3] = s3;
            out[at + right] = r0; out[at + right + 1] = r1; out[at + right + 2] = r2; out[at + right + 3] = r3;
          }
        } else if (block === 3) {
          let s0 = b[0], s1 = b[1], s2 = b[2];
          for (let t = 0; t < 4; t++) for (let i = taps[t] * inputs, end = i + inputs; i < end; i++, k += 3) {
            const v = padded[i];
            s0 += v * w[k]; s1 += v * w[k + 1]; s2 += v * w[k + 2];
          }
          out[at] = s0; out[at + 1] = s1; out[at + 2] = s2;
        } else {
          for (let o = 0; o < outputs; o++) {
            let s = b[o];
            for (let t = 0; t < 4; t++) for (let i = taps[t] * inputs, end = i + inputs; i < end; i++) s += padded[i] * w[k++];
            out[at + o] = s;
          }
        }
      }
    }
    return out;
  };
}

// ---------------------------------------------------------------- several numbers at a time

// By WebAssembly, which multiplies four numbers at once: four pixels and four or eight outputs together. These layers by
// themselves are up to ten times as fast as the loops in JavaScript.

// how many outputs are computed together, and how many there are when they are filled up to that
const lanesOf = (outputs) => { const lanes = outputs % 8 === 0 ? 8 : 4; return { lanes, kept: lanes * Math.ceil(outputs / lanes) }; };

// float32 arrays of these sizes in one memory, their addresses, and the function of `kernel` on it
function together(sizes, shape) {
  const at = [];
  let bytes = 0;
  for (const size of sizes) { at.push(bytes); bytes += 16 * Math.ceil(size / 4); }
  const { m, f } = new WebAssembly.Instance(new WebAssembly.Module(kernel({ ...shape, pages: Math.ceil(bytes / 65536) }))).exports;
  return { f, at, arrays: sizes.map((size, i) => new Float32Array(m.buffer, at[i], size)) };
}

// takes the channels that only fill up out of the pixels
function packer(found, kept, outputs) {
  if (kept === outputs) return () => found;
  const packed = new Float32Array(found.length / kept * outputs);
  return () => {
    for (let p = 0, i = 0; p < found.length; p += kept) for (let o = 0; o < outputs; o++) packed[i++] = found[p + o];
    return packed;
  };
}

// A WebAssembly module, written byte by byte, that exports its memory m, of `pages` times 64 KiB, and
//   f(a, w, bias, out): out[k] = bias + sum over r < rows, i < run of a[r below + k pixel + i] w[r run + i],  k < 4,
// where bias, out[k] and every w[i] are `lanes` (4 or 8) float32 side by side and a is of float32. Addresses are in bytes,
// and so are `below`, `pixel` and `next`, from one k to the next in out. `run` is a multiple of four.
// https://webassembly.github.io/spec/core/binary/
function kernel({ rows, below, run, pixel, next, lanes, pages }) {
  const I32 = 0x7f, V128 = 0x7b, half = lanes / 4, UNROLLED = 4;
  const unsigned = (n) => { const found = []; do { found.push(n & 127 | (n > 127 ? 128 : 0)); n >>>= 7; } while (n); return found; };
  const signed = (n) => (n < 64 ? [n] : [n & 127 | 128, ...signed(n >> 7)]);  // of numbers from 0 up
  const many = (count, each) => Array.from({ length: count }, (_, n) => each(n)).flat();
  const list = (...items) => [...unsigned(items.length), ...items.flat()], section = (id, content) => [id, ...unsigned(content.length), ...content];
  const get = (i) => [0x20, i], set = (i) => [0x21, i], add = (i, n) => [...get(i), 0x41, ...signed(n), 0x6a];
  const load = (offset) => [0xfd, 0x00, 2, ...unsigned(offset)], splat = (offset) => [0xfd, 0x09, 2, ...unsigned(offset)];
  const store = (offset) => [0xfd, 0x0b, 2, ...unsigned(offset)], PLUS = [0xfd, 0xe4, 0x01], TIMES = [0xfd, 0xe6, 0x01];
  const [a, w, bias, out, at, end, value] = [0, 1, 2, 3, 4, 5, 6], weigh = (h) => 7 + h, sum = (k, h) => 7 + half + k * half + h;
  const sums = (each) => many(4, (k) => many(half, (h) => each(k, h)));
  const step = (j) => [
    ...many(half, (h) => [...get(w), ...load(16 * (j * half + h)), ...set(weigh(h))]),
    ...many(4, (k) => [
      ...get(at), ...splat(k * pixel + 4 * j), ...set(value),
      ...many(half, (h) => [...get(sum(k, h)), ...get(value), ...get(weigh(h)), ...TIMES, ...PLUS, ...set(sum(k, h))]),
    ]),
  ];
  const row = (r) => [
    ...add(a, r * below), ...set(at), ...add(at, 4 * run), ...set(end),
    0x03, 0x40, ...many(UNROLLED, step),  // loop
    ...add(w, 4 * UNROLLED * lanes), ...set(w), ...add(at, 4 * UNROLLED), ...set(at), ...get(at), ...get(end), 0x49, 0x0d, 0, 0x0b,  // while at < end
  ];
  const body = [
    ...list([2, I32], [...unsigned(1 + 5 * half), V128]), ...sums((k, h) => [...get(bias), ...load(16 * h), ...set(sum(k, h))]),
    ...many(rows, row), ...sums((k, h) => [...get(out), ...get(sum(k, h)), ...store(k * next + 16 * h)]), 0x0b,
  ];
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...section(1, list([0x60, ...list([I32], [I32], [I32], [I32]), 0])), ...section(3, list([0])),
    ...section(5, list([0, ...unsigned(pages)])), ...section(7, list([1, 0x6d, 2, 0], [1, 0x66, 0, 0])), ...section(10, list([...unsigned(body.length), ...body])),
  ]);
}

// ---------------------------------------------------------------- codes

// as app.state.code_format: whole thousandths, in addresses as base64url of int16, or decimals where a number is too large
export const settle = (code) => Array.from(code, (v) => Math.round(v * 1000) / 1000);

// the shortest decimal text that parses to the same float32: nine digits tell any two apart, and six keep whatever
// was written with fewer
export function shortest(v) {
  for (let digits = 6; digits < 9; digits++) {
    const near = Number(v.toPrecision(digits));
    if (Math.fround(near) === v) return String(near || 0);
  }
  return String(Number(v.toPrecision(9)));
}

export function pack(code) {
  const thousandths = Array.from(code, (v) => Math.round(v * 1000));
  if (thousandths.some((v) => Math.abs(v) > 32767)) return thousandths.map((v) => String(v / 1000)).join(",");
  const bytes = new Uint8Array(2 * thousandths.length), view = new DataView(bytes.buffer);
  thousandths.forEach((v, i) => view.setInt16(2 * i, v, true));
  return "~" + btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

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
  const line = (1 - t) * na + t * nb, norm = line < Math.min(na, nb) ? na ** (1 - t) * nb ** t : line, wa = Math.sin((1 - t) * angle) / Math.sin(angle), wb = Math.sin(t * angle) / Math.sin(angle);
  return a.map((v, i) => norm * (wa * v / na + wb * b[i] / nb));
}
