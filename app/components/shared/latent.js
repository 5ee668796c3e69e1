// Codes and the prior. Nothing here knows a page or a network.

/**
 * A number from N(0, 1), by Box and Muller.
 *
 * @param {() => number} random gives numbers from 0 to below 1
 */
export function gaussian(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/**
 * mulberry32, a small seeded generator, so that a walk can be repeated.
 *
 * @param {number} seed
 * @returns {() => number} numbers from 0 to below 1
 */
export function seeded(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * The great arc between the directions of two codes, while the norm goes linearly; see
 * vae_core.latent.paths.slerp.
 *
 * @param {number[]} a
 * @param {number[]} b
 * @param {number} t from 0 at `a` to 1 at `b`
 * @returns {number[]}
 */
export function slerp(a, b, t) {
  const na = Math.hypot(...a);
  const nb = Math.hypot(...b);
  const straight = () => a.map((v, i) => (1 - t) * v + t * b[i]);
  if (Math.min(na, nb) < 1e-8) return straight();
  let chord = 0;
  let anti = 0;
  a.forEach((v, i) => {
    const p = v / na;
    const q = b[i] / nb;
    chord += (p - q) ** 2;
    anti += (p + q) ** 2;
  });
  const angle = 2 * Math.atan2(Math.sqrt(chord), Math.sqrt(anti));
  if (Math.sin(angle) < 1e-5) return straight();
  const line = (1 - t) * na + t * nb;
  const norm = line < Math.min(na, nb) ? na ** (1 - t) * nb ** t : line;
  const wa = Math.sin((1 - t) * angle) / Math.sin(angle);
  const wb = Math.sin(t * angle) / Math.sin(angle);
  return a.map((v, i) => norm * ((wa * v) / na + (wb * b[i]) / nb));
}

/**
 * A code in whole thousandths, as app.state.code_format writes it into addresses.
 *
 * @param {ArrayLike<number>} code
 * @returns {number[]}
 */
export const roundCode = (code) => Array.from(code, (v) => Math.round(v * 1000) / 1000);

/**
 * A code as text for an address, as app.state.code_format.pack writes it: "~" and base64url of int16
 * thousandths, or decimals where a number is too large for that.
 *
 * @param {ArrayLike<number>} code
 */
export function packCode(code) {
  const thousandths = Array.from(code, (v) => Math.round(v * 1000));
  if (thousandths.some((v) => Math.abs(v) > 32767)) return thousandths.map((v) => String(v / 1000)).join(",");
  const view = new DataView(new ArrayBuffer(2 * thousandths.length));
  thousandths.forEach((v, i) => {
    view.setInt16(2 * i, v, true);
  });
  const text = btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  return `~${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/**
 * A code in thousandths, as people read it.
 *
 * @param {ArrayLike<number>} code
 */
export function codeText(code) {
  return `[${Array.from(code, (v) => v.toFixed(3).replace(/\.?0+$/, "") || "0").join(", ")}]`;
}

/**
 * The shortest decimal text that parses to the same float32: nine digits tell any two apart, and six keep
 * whatever was written with fewer.
 *
 * @param {number} v a float32
 */
export function shortestText(v) {
  for (let digits = 6; digits < 9; digits++) {
    const near = Number(v.toPrecision(digits));
    if (Math.fround(near) === v) return String(near || 0);
  }
  return String(Number(v.toPrecision(9)));
}
