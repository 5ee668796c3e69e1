/** @typedef {ReturnType<typeof finder>} Finder */

/**
 * Looks up elements of a component's own HTML, which are always there: their absence is a mistake and raised.
 *
 * @param {ParentNode} root
 */
export function finder(root) {
  /**
   * @template {Element} [T=HTMLElement]
   * @param {string} selector
   * @param {new () => T} [Kind] the class it must be of
   * @returns {T}
   */
  return (selector, Kind = /** @type {any} */ (HTMLElement)) => {
    const found = root.querySelector(selector);
    if (!(found instanceof Kind)) throw new Error(`the component has no ${Kind.name} at "${selector}"`);
    return found;
  };
}

/**
 * All elements of a kind.
 *
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [Kind]
 * @returns {T[]}
 */
export function findAll(root, selector, Kind = /** @type {any} */ (HTMLElement)) {
  const found = [...root.querySelectorAll(selector)];
  return /** @type {T[]} */ (found.filter((element) => element instanceof Kind));
}

/**
 * Makes an element; properties called aria-... become attributes.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, props = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("aria-")) found.setAttribute(name, String(value));
    else Object.assign(found, { [name]: value });
  }
  found.append(...children);
  return found;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function makeSvg(tag, attributes = {}, ...children) {
  const found = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) found.setAttribute(name, String(value));
  found.append(...children);
  return found;
}

const NO_CONTEXT = "this browser gives a canvas no 2d context";

/**
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function context2d(canvas, settings) {
  const found = canvas.getContext("2d", settings);
  if (!found) throw new Error(NO_CONTEXT);
  return found;
}

/** @param {OffscreenCanvas} canvas */
export function offscreen2d(canvas) {
  const found = canvas.getContext("2d");
  if (!found) throw new Error(NO_CONTEXT);
  return found;
}

/**
 * Shows a picture on a canvas, which takes its size.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ImageData} image
 */
export function putImage(canvas, image) {
  fitCanvas(canvas, image);
  context2d(canvas).putImageData(image, 0, 0);
}

/**
 * Gives a canvas a size; one that has it already keeps what it shows.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {{ width: number, height: number }} size
 */
export function fitCanvas(canvas, { width, height }) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}

/**
 * Marks a button as pressed or not, with what it says then.
 *
 * @param {HTMLElement} button
 * @param {boolean} on
 * @param {string} [text]
 */
export function press(button, on, text) {
  button.setAttribute("aria-pressed", String(on));
  if (text !== undefined) button.textContent = text;
}

/**
 * Counts up a number in an element's data attributes, by which tests and styles see that something was drawn.
 *
 * @param {HTMLElement} element
 * @param {string} name
 */
export function count(element, name) {
  element.dataset[name] = String(Number(element.dataset[name] ?? 0) + 1);
}

/**
 * Hands a file to the person.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/**
 * @param {number} milliseconds
 * @returns {Promise<void>}
 */
export const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

/** @type {Record<string, number>} */
const WAYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

/**
 * Which way an arrow key moves a handle: 1, -1, or 0 for other keys.
 *
 * @param {KeyboardEvent} event
 */
export const arrowWay = (event) => WAYS[event.key] ?? 0;
