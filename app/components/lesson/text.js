// The prose of a lesson: paragraphs whose only mark is **bold**.

import { make } from "../shared/dom.js";

/**
 * Parts of a text, those between ** apart.
 *
 * @param {string} text
 * @returns {{ text: string, bold: boolean }[]}
 */
export const parts = (text) =>
  text
    .split("**")
    .map((part, i) => ({ text: part, bold: i % 2 === 1 }))
    .filter(({ text: part }) => part);

/** @param {string} text */
export const paragraph = (text) =>
  make("p", {}, ...parts(text).map(({ text: part, bold }) => (bold ? make("strong", {}, part) : part)));
