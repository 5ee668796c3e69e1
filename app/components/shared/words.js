// Words of the field where a script writes them: the first of each opens what it means (app/words.py).

import { findAll, make } from "./dom.js";

/**
 * The text as nodes, in which the first of every word that the component's HTML explains is a button that
 * opens its meaning, by a press, a tap or a key.
 *
 * @param {string} text
 * @param {ParentNode} root of the component
 * @returns {(Node | string)[]}
 */
export function withWords(text, root) {
  const ids = new Map(findAll(root, ".meaning").map((found) => [found.dataset.word ?? "", found.id]));
  return splitAtWords(text, [...ids.keys()]).map(({ part, word }) =>
    word ? wordButton(part, ids.get(word) ?? "") : part,
  );
}

/**
 * Parts of a text, the first of each word apart.
 *
 * @param {string} text
 * @param {string[]} words
 * @returns {{ part: string, word?: string }[]}
 */
export function splitAtWords(text, words) {
  /** @type {{ part: string, word?: string }[]} */
  let parts = [{ part: text }];
  // a longer word goes before one that it holds
  for (const word of [...words].sort((a, b) => b.length - a.length)) {
    const at = parts.findIndex(({ part, word: known }) => !known && found(part, word));
    if (at < 0) continue;
    const { part } = parts[at];
    const { index: from, 0: hit } = /** @type {RegExpExecArray} */ (found(part, word));
    const to = from + hit.length;
    const three = [
      { part: part.slice(0, from) },
      { part: part.slice(from, to), word },
      { part: part.slice(to) },
    ];
    parts = [...parts.slice(0, at), ...three.filter((one) => one.part), ...parts.slice(at + 1)];
  }
  return parts;
}

/**
 * Where a whole word stands, one or several of it, in small letters or capital ones.
 *
 * @param {string} text
 * @param {string} word
 */
function found(text, word) {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}])${escaped}s?(?![\\p{L}\\p{N}])`, "iu").exec(text);
}

/** @param {string} text @param {string} id of what it opens */
function wordButton(text, id) {
  const button = make("button", { type: "button", className: "word", textContent: text });
  button.setAttribute("popovertarget", id);
  return button;
}
