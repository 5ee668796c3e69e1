// All lessons, with how far one is.

import { download, make } from "../shared/dom.js";
import { clearProgress, exported, readProgress, tally } from "./progress.js";

/** @import { Entry } from "./types.js" */

/**
 * @param {HTMLElement} box
 * @param {Entry[]} lessons
 * @param {(number: number) => void} open
 */
export function writeOverview(box, lessons, open) {
  const progress = readProgress();
  const cards = lessons.map(({ number, title, aim, minutes, steps }) => {
    const { given, right } = tally(progress, number);
    const far = given ? `${given} of ${steps} screens answered, ${right} right` : `${steps} screens`;
    const button = make("button", {
      type: "button",
      textContent: given && given < steps ? "Go on" : given ? "Again" : "Begin",
      "aria-label": `lesson ${number}: ${title}`,
    });
    button.onclick = () => open(number);
    return make(
      "article",
      { className: "card" },
      make("h3", {}, `${number}  ${title}`),
      make("p", {}, aim),
      make("p", { className: "far" }, `${minutes} minutes · ${far}`),
      button,
    );
  });
  const save = make("button", { type: "button", textContent: "Export progress" });
  save.onclick = () =>
    download(new Blob([exported(readProgress(), lessons)], { type: "application/json" }), "lessons.json");
  const clear = make("button", { type: "button", textContent: "Forget progress" });
  clear.onclick = () => {
    clearProgress();
    writeOverview(box, lessons, open);
  };
  save.disabled = clear.disabled = !tally(progress).given;
  const foot = make("p", { className: "foot" }, "Your answers stay in this browser. ", save, " ", clear);
  box.replaceChildren(make("div", { className: "cards" }, ...cards), foot);
}
