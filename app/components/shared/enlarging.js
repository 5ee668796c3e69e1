// How pictures are enlarged: small ones by whole pixels, fine ones smoothly, until the page's switch asks for
// their pixels (--enlarged, which app.layout sets and every component inherits).

const FINE = 64; // pixels a side; vae_core.pictures says the same to what Python draws

/**
 * Whether a picture of that size is enlarged smoothly.
 *
 * @param {{ width: number, height: number }} size
 */
const smoothly = ({ width, height }) => Math.min(width, height) >= FINE;

/**
 * Marks what holds pictures (or is one) by how they are enlarged; the style of all components follows it. A
 * style that rounds their width to --whole shows a small one in whole multiples, every pixel as large as the
 * next.
 *
 * @param {HTMLElement} box
 * @param {{ width: number, height: number }} size of one picture
 */
export function enlarge(box, size) {
  const smooth = smoothly(size);
  box.classList.toggle("smooth", smooth);
  box.style.setProperty("--whole", smooth ? "1px" : `${size.width}px`);
}

/**
 * The same for what is drawn on a canvas.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{ width: number, height: number }} size of one picture
 */
export function enlargeOn(context, size) {
  const pixels = getComputedStyle(context.canvas).getPropertyValue("--enlarged") === "pixelated";
  context.imageSmoothingEnabled = smoothly(size) && !pixels;
}
