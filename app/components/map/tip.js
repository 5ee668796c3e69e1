import { finder, make } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";
import { valueText } from "../shared/numbers.js";

/** @import { MapData } from "./types.js" */
/** @import { View } from "./view.js" */

const AGAIN = 300; // milliseconds until a picture that failed is asked for once more
const OFF = 16; // CSS pixels from the pointer

/**
 * What there is to say of an image besides its number.
 *
 * @param {MapData} data
 * @param {number} value its colour's
 * @param {number | undefined} label
 */
export function wordsOf({ colour, labels, decoded }, value, label) {
  const words = [];
  if (labels && labels.title !== colour.title) {
    words.push(`${labels.title}: ${labels.names[label ?? -1] ?? "none"}`);
  }
  if (colour.kind === "classes") words.push(`${colour.title}: ${colour.names[value] ?? "none"}`);
  if (colour.kind === "numbers")
    words.push(`${colour.title}: ${valueText(value, colour.words, colour.digits)}`);
  if (decoded) words.push("decoded from its code");
  return words;
}

/** The picture and words beside the pointer. */
export class Tip {
  #row = -1;

  /** @param {ParentNode} root */
  constructor(root) {
    const at = finder(root);
    this.box = at(".tip");
    this.image = at(".tip img", HTMLImageElement);
    this.words = at(".tip div");
  }

  hide() {
    this.#row = -1;
    this.box.hidden = true;
  }

  /**
   * @param {number} row
   * @param {number} number of the image
   * @param {string} url of its picture
   * @param {string[]} words
   */
  show(row, number, url, words) {
    const { box, image } = this;
    this.#row = row;
    const title = make("b", { textContent: `image ${number}` });
    this.words.replaceChildren(title, make("br"), ...words.flatMap((text) => [text, make("br")]));
    let tried = false;
    image.className = "empty";
    image.onload = () => {
      image.className = "";
      enlarge(image, { width: image.naturalHeight, height: image.naturalHeight }); // it may show a pair
      box.dataset.pictured = String(row);
    };
    image.onerror = () => {
      setTimeout(() => {
        if (this.#row !== row || tried) return;
        tried = true;
        image.src = `${url}?again`;
      }, AGAIN);
    };
    image.src = url;
    box.hidden = false;
    box.dataset.row = String(row);
  }

  /**
   * Beside the pointer, where the plot has room.
   *
   * @param {number} px
   * @param {number} py
   * @param {View} view
   */
  put(px, py, view) {
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const right = px + OFF;
    const x = right + width > view.width ? Math.max(4, px - OFF - width) : right;
    const y = Math.max(4, Math.min(view.height - height - 4, py + OFF - 2));
    this.box.style.transform = `translate(${x}px, ${y}px)`;
  }
}
