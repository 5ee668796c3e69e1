// A lesson: a screen asks, a figure shows, the model answers. The page's script is told where one is, no
// more.

import { count, finder, make, press } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { describe } from "../shared/requests.js";
import { writeEnd } from "./end.js";
import { FIGURES } from "./figures.js";
import { writeOverview } from "./overview.js";
import { noteAnswer, readProgress, tally } from "./progress.js";
import { paragraph } from "./text.js";

/** @import { Component, Page } from "../shared/types.js" */
/** @import { Figure, LessonData, Step } from "./types.js" */

const FAULT = "This figure could not be drawn";

class Lesson {
  /** @type {LessonData | null} */
  data = null;
  /** @type {Page | null} */
  page = null;
  /** @type {Figure | null} */
  figure = null;
  shown = "";
  step = 0;
  /** @type {number[]} steps that the page was told of and did not hand back yet */
  told = [];
  answer = "";
  done = false;
  /** @type {{ truth: string, said: string } | null} what a figure found to be right */
  found = null;
  turn = 0; // counts screens, of which the newest stands

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.at = finder(root);
    this.box = this.at(".lesson");
    this.keys = (/** @type {KeyboardEvent} */ event) => this.key(event);
    document.addEventListener("keydown", this.keys);
    this.at(".back").onclick = () => this.go(this.step - 1);
    this.at(".next").onclick = () => this.go(this.step + 1);
    this.at(".reveal").onclick = () => this.reveal();
    this.at(".all").onclick = () => this.open(0);
    this.at(".presenter").onclick = () => this.present();
  }

  stop() {
    document.removeEventListener("keydown", this.keys);
    this.figure?.stop();
    this.turn += 1;
  }

  /** @param {LessonData} data @param {Page} page */
  show(data, page) {
    this.page = page;
    const before = this.data;
    this.data = data;
    this.box.style.setProperty("--height", data.height);
    this.box.classList.toggle("present", data.present);
    press(this.at(".presenter"), data.present, data.present ? "End presenting" : "Present");
    this.at(".overview").hidden = data.number > 0;
    this.at(".screen").hidden = data.number === 0;
    if (!data.number) {
      writeOverview(this.at(".overview"), data.lessons, (number) => this.open(number));
      this.figure?.stop();
      this.figure = null;
      this.shown = "";
      return count(this.box, "shown");
    }
    const weights = Object.values(data.runs).map(({ run, header }) => `${run} ${header.stamp}`);
    const shown = `${data.number} ${weights}`;
    const other = shown !== this.shown;
    this.shown = shown;
    this.at(".remark").textContent = data.remark;
    this.at(".remark").hidden = !data.remark;
    // a rerun that follows our own step must not take the person back
    if (other) this.begin(data.step);
    else if (this.told.includes(data.step)) this.told.splice(0, this.told.indexOf(data.step) + 1);
    else if (before && before.step !== data.step && data.step !== this.step) this.begin(data.step);
  }

  get last() {
    return (this.data?.steps.length ?? 0) + 1; // the end is a screen as well
  }

  /** @param {number} step */
  go(step) {
    if (!this.data || step < 1 || step > this.last) return;
    const held = this.box.getRootNode();
    const focused = (held instanceof ShadowRoot || held instanceof Document) && held.activeElement;
    this.begin(step);
    this.told.push(step);
    // what had the focus may be gone: a reader goes on with the new screen's title
    if (focused && this.box.contains(focused))
      this.at(this.step === this.last ? ".end h2" : ".talk h2").focus();
    this.page?.setStateValue("moved", { lesson: this.data.number, step });
  }

  /** @param {number} number a lesson, 0 for the overview */
  open(number) {
    this.page?.setTriggerValue("go", { lesson: number });
  }

  present() {
    this.page?.setTriggerValue("present", { on: !this.data?.present });
  }

  /** Shows a screen. @param {number} wanted */
  begin(wanted) {
    const { data } = this;
    if (!data) return;
    this.step = Math.min(Math.max(1, wanted), this.last);
    this.turn += 1;
    this.figure?.stop();
    this.figure = null;
    [this.answer, this.done, this.found] = ["", false, null];
    const step = data.steps[this.step - 1];
    this.at(".figure").hidden = this.at(".talk").hidden = !step;
    this.at(".end").hidden = !!step;
    this.dots();
    this.box.dataset.step = String(this.step);
    if (step) this.write(step);
    else
      writeEnd(
        this.at(".end"),
        data,
        (number) => this.open(number),
        () => this.go(this.step - 1),
      );
    count(this.box, "shown");
  }

  /** @param {Step} step */
  write(step) {
    this.at("h2").textContent = step.title;
    this.at(".text").replaceChildren(...step.text.map(paragraph));
    this.at(".ask").textContent = step.question.text;
    this.at(".answers").replaceChildren(
      ...step.question.answers.map(({ key, text }) => {
        const button = make("button", { type: "button", textContent: text });
        button.dataset.answer = key;
        button.onclick = () => this.predict(key);
        press(button, false);
        return button;
      }),
    );
    this.at(".do").textContent = step.do;
    this.at(".do").hidden = true;
    this.at(".verdict").replaceChildren();
    this.at(".reveal").hidden = true;
    this.at(".back", HTMLButtonElement).disabled = this.step === 1;
    this.at(".figure").inert = step.kind === "predict";
    this.box.dataset.state = step.kind === "predict" ? "asked" : "reading";
    this.draw(step);
  }

  /** @param {Step} step */
  async draw(step) {
    const { data, turn } = this;
    const box = this.at(".figure");
    const say = make("p", { className: "say", role: "status" });
    const room = make("div", { className: `room ${step.figure}` });
    box.replaceChildren(room, say);
    if (!data) return;
    try {
      const open = FIGURES[step.figure];
      if (!open) throw new Error(`there is no figure called ${step.figure}`);
      const figure = await (await open())(room, {
        data: step.data,
        runs: data.runs,
        palette: data.palette,
        say: (text) => {
          say.textContent = text;
        },
        did: (found) => this.did(turn, found),
      });
      if (turn !== this.turn) return figure.stop();
      this.figure = figure;
      if (this.answer || step.kind === "read") figure.unlock();
      count(this.box, "drawn");
    } catch (error) {
      if (turn === this.turn)
        say.textContent = `${FAULT}: ${describe(error).message}. Reload the page to try again.`;
    }
  }

  /** @param {string} key of the answer that the person gives */
  predict(key) {
    const step = this.data?.steps[this.step - 1];
    if (!step || this.done) return;
    this.answer = key;
    for (const button of this.at(".answers").querySelectorAll("button"))
      press(button, button.dataset.answer === key);
    if (step.kind === "read") return this.judge();
    this.at(".do").hidden = !step.do;
    this.at(".reveal").hidden = !step.question.truth;
    this.at(".figure").inert = false;
    this.box.dataset.state = "trying";
    this.figure?.unlock();
    if (this.found) this.judge();
  }

  /** @param {number} turn @param {{ truth: string, said: string }} [found] */
  did(turn, found) {
    if (turn !== this.turn || this.done) return;
    const step = this.data?.steps[this.step - 1];
    if (!step) return;
    if (found) this.found = found;
    if (this.answer && (this.found || step.question.truth)) this.judge();
  }

  reveal() {
    if (this.answer && !this.done) this.judge();
  }

  /** Says what the model made right. */
  judge() {
    const step = this.data?.steps[this.step - 1];
    if (!step || !this.data) return;
    const { truth, said } = this.found ?? step.question;
    if (!truth) return;
    this.done = true;
    const right = this.answer === truth;
    for (const button of this.at(".answers").querySelectorAll("button")) {
      button.classList.toggle("truth", button.dataset.answer === truth);
      button.setAttribute("aria-disabled", "true"); // it keeps the focus
    }
    const progress = noteAnswer(this.data.number, this.step, { answer: this.answer, right });
    const { given, right: well } = tally(progress);
    const truly = step.question.answers.find(({ key }) => key === truth)?.text ?? "";
    this.at(".verdict").replaceChildren(
      make(
        "p",
        {},
        make("strong", {}, right ? "As you said. " : `Not so: ${truly.replace(/[.]$/, "")}. `),
        said,
      ),
      make("p", { className: "score" }, `Right so far: ${well} of ${given}.`),
    );
    const reveal = this.at(".reveal");
    if (reveal.matches(":focus")) this.at(".talk .next").focus();
    reveal.hidden = true;
    this.at(".figure").inert = false;
    this.box.dataset.state = "answered";
    this.dots();
  }

  /** A dot for each screen, with what was answered there. */
  dots() {
    const { data } = this;
    if (!data) return;
    const progress = readProgress();
    const { given, right } = tally(progress, data.number);
    this.at(".tally").textContent = given ? `${right} of ${given} right` : "";
    this.at(".steps").replaceChildren(
      ...Array.from({ length: this.last }, (_, i) => {
        const known = progress[`${data.number}.${i + 1}`];
        const title = data.steps[i]?.title ?? "The end";
        const said = known ? (known.right ? ", answered right" : ", answered") : "";
        const dot = make("button", {
          type: "button",
          textContent: i + 1 === this.last ? "✓" : String(i + 1),
          title,
          "aria-label": `${i + 1}: ${title}${said}`,
        });
        if (i + 1 === this.step) dot.setAttribute("aria-current", "step");
        dot.classList.toggle("known", !!known);
        dot.onclick = () => this.go(i + 1);
        return dot;
      }),
    );
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.data?.number || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
      return;
    const target = event.composedPath()[0];
    if (
      target instanceof Element &&
      target.closest("input, select, textarea, [contenteditable], [role=slider], canvas[tabindex]")
    )
      return;
    if (event.key === "p" || event.key === "P") this.present();
    else if (event.key === "ArrowRight" || event.key === "PageDown") this.go(this.step + 1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") this.go(this.step - 1);
    else return;
    event.preventDefault();
  }
}

export default mounted(
  (root) => new Lesson(root),
  (lesson, /** @type {Component<LessonData>} */ component) => lesson.show(component.data, component),
);
