// The tour: which step is shown is kept in this browser alone, and so is whether it was seen.

import { finder } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";

/** @import { Component, Page } from "../shared/types.js" */
/** @typedef {{ view: string, title: string, text: string }} Step */
/** @typedef {{ steps: Step[] }} TourData */

const KEPT = "latent-explorer-tour"; // number of the step that is open, or "seen"

/** What this browser remembers; nothing where it keeps nothing at all. */
function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return "seen"; // or the tour would open anew with every page
  }
}

/** @param {string} value */
function remember(value) {
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // a browser that keeps nothing: it goes on until the page is loaded anew
  }
}

class Tour {
  /** @type {Step[]} */
  steps = [];
  /** @type {Page | null} */
  page = null;
  /** @type {number | null} the step that is open */
  at = null;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.find = finder(root);
    this.openButton = this.find("[data-do=open]", HTMLButtonElement);
    this.nextButton = this.find("[data-do=next]", HTMLButtonElement);
    this.backButton = this.find("[data-do=back]", HTMLButtonElement);
    this.openButton.onclick = () => this.begin();
    this.nextButton.onclick = () => this.go((this.at ?? 0) + 1);
    this.backButton.onclick = () => this.go((this.at ?? 0) - 1);
    this.find("[data-do=skip]").onclick = () => this.end();
    this.find(".tour").onkeydown = (event) => {
      if (event.key === "Escape" && this.at !== null) this.end();
    };
    const kept = remembered();
    // a first visit by a link into the app is left alone: the first step is of Home
    const away = kept === null && !location.pathname.endsWith("/");
    this.at = kept === "seen" || away ? null : Math.max(0, Math.trunc(Number(kept ?? 0)) || 0);
  }

  stop() {}

  /** @param {TourData} data @param {Page} page */
  show({ steps }, page) {
    this.steps = steps;
    this.page = page;
    if (this.at !== null) this.at = Math.min(this.at, steps.length - 1);
    this.write();
  }

  begin() {
    if (this.at !== null) return this.end();
    this.go(0);
    this.nextButton.focus();
  }

  /** @param {number} step the one after the last ends the tour */
  go(step) {
    if (step >= this.steps.length) return this.end();
    this.at = Math.max(0, step);
    remember(String(this.at));
    this.page?.setTriggerValue("go", this.steps[this.at].view);
    this.write();
  }

  end() {
    this.at = null;
    remember("seen");
    this.write();
    this.openButton.focus();
  }

  write() {
    const { at, steps } = this;
    this.find(".step").hidden = at === null;
    this.openButton.setAttribute("aria-expanded", String(at !== null));
    if (at === null) return;
    const { title, text } = steps[at];
    this.find("b").textContent = `${at + 1} of ${steps.length}, ${title}.`;
    this.find("span").textContent = text;
    this.backButton.disabled = at === 0;
    this.nextButton.textContent = at === steps.length - 1 ? "Done" : "Next";
  }
}

export default mounted(
  (root) => new Tour(root),
  (tour, /** @type {Component<TourData>} */ component) => tour.show(component.data, component),
);
