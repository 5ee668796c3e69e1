// Which points lie inside a lasso, and selections as text.

/** @typedef {[number, number]} Corner */

/**
 * Whether a point lies inside a polygon: a ray from it crosses the edges an odd number of times.
 *
 * @param {number} x
 * @param {number} y
 * @param {Corner[]} corners
 */
export function isInside(x, y, corners) {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [ax, ay] = corners[i];
    const [bx, by] = corners[j];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/**
 * Rows as a bit each, least bit first, in base64; see app.components.map.bits_of.
 *
 * @param {Uint8Array} rows
 */
export function packRows(rows) {
  const bytes = new Uint8Array(Math.ceil(rows.length / 8));
  rows.forEach((v, i) => {
    if (v) bytes[i >> 3] |= 1 << (i & 7);
  });
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

/**
 * @param {string} bits
 * @param {number} count
 * @returns {Uint8Array | null} null where none is selected
 */
export function unpackRows(bits, count) {
  if (!bits) return null;
  const text = atob(bits);
  return Uint8Array.from({ length: count }, (_, i) => (text.charCodeAt(i >> 3) >> (i & 7)) & 1);
}
