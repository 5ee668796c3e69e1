// The last screen of a lesson: what was right, what to try alone, where to look, what to read.

import { make } from "../shared/dom.js";
import { readProgress, tally } from "./progress.js";
import { paragraph } from "./text.js";

/** @import { LessonData } from "./types.js" */

/**
 * @param {HTMLElement} box
 * @param {LessonData} data
 * @param {(number: number) => void} open
 * @param {() => void} back
 */
export function writeEnd(box, data, open, back) {
  const { given, right } = tally(readProgress(), data.number);
  const at = data.lessons.findIndex(({ number }) => number === data.number);
  const next = data.lessons[at + 1];
  const before = make("button", { type: "button", textContent: "Back" });
  before.onclick = back;
  const on = make("button", {
    type: "button",
    className: "next",
    textContent: next ? `Lesson ${next.number}: ${next.title}` : "All lessons",
  });
  on.onclick = () => open(next?.number ?? 0);
  box.replaceChildren(
    make("h2", { tabIndex: -1 }, "The end of this lesson"),
    make(
      "p",
      { className: "score" },
      given
        ? `You answered ${given} of ${data.steps.length} screens, ${right} of them right.`
        : "You answered none of the screens.",
    ),
    make("h3", {}, "Try it alone"),
    paragraph(data.exercise),
    make("p", {}, make("a", { href: data.opens.href, target: "_self" }, data.opens.label)),
    make("h3", {}, "Read on"),
    make(
      "ul",
      {},
      ...data.sources.map(({ text, url }) =>
        make("li", {}, url ? make("a", { href: url, target: "_blank", rel: "noopener" }, text) : text),
      ),
    ),
    make("div", { className: "walk" }, before, on),
  );
}
