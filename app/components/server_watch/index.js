// Says when the server has ended, and how to start it again. It stands outside of Streamlit's page, and so is
// there whatever Streamlit shows then.

import { make } from "../shared/dom.js";
import { keepEntries } from "../shared/entries.js";
import { mounted } from "../shared/mount.js";
import { notice } from "./words.js";

/** @import { Component } from "../shared/types.js" */
/** @typedef {{ command: string }} WatchData */

const EVERY = 4000; // milliseconds between two looks while it answers
const SOON = 1000; // and while it does not
// what a page loads over a slow network goes first, and a look waits its turn behind it
const PATIENCE = 60_000;
const SURE = 2; // looks in a row without an answer

/** One for the page: it outlives a component that is drawn anew. */
class ServerWatch {
  missed = 0;
  command = "";
  /** @type {HTMLElement | null} */
  shown = null;
  /** @type {Element | null} whose colours it takes */
  beside = null;
  begun = false;
  // Streamlit's own dialog comes at any moment after
  others = new MutationObserver(() => hideOthers());

  /** @param {WatchData} data @param {Element} beside */
  show({ command }, beside) {
    this.command = command;
    this.beside = beside;
    if (!this.begun) this.plan(EVERY);
    this.begun = true;
  }

  /** @param {number} milliseconds */
  plan(milliseconds) {
    setTimeout(() => this.look(), milliseconds);
  }

  async look() {
    if (document.hidden) {
      // nobody reads it: wait until somebody does
      document.addEventListener("visibilitychange", () => this.look(), { once: true });
      return;
    }
    try {
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      this.missed = 0;
    } catch {
      this.missed += 1;
    }
    if (this.missed >= SURE) this.say();
    else if (!this.missed) this.hush();
    this.plan(this.missed ? SOON : EVERY);
  }

  say() {
    if (this.shown) return;
    const { head, remedy, command, kept } = notice(location.hostname, this.command);
    const style = getComputedStyle(this.beside ?? document.body);
    const box = make(
      "div",
      { role: "alert", id: "server-ended", popover: "manual" },
      make("strong", {}, head),
      ` ${remedy} `,
      ...(command ? [make("code", {}, command)] : []),
      make("br"),
      kept,
    );
    const colour = (/** @type {string} */ name, /** @type {string} */ usual) =>
      style.getPropertyValue(name) || usual;
    Object.assign(box.style, {
      ...{ position: "fixed", inset: "1rem auto auto 50%", transform: "translateX(-50%)", margin: "0" },
      ...{ width: "min(44rem, calc(100vw - 2rem))", boxSizing: "border-box", padding: "1rem 1.2rem" },
      ...{ zIndex: "2147483647", lineHeight: "1.6", fontFamily: colour("--st-font", "sans-serif") },
      color: colour("--st-text-color", "CanvasText"),
      background: colour("--st-background-color", "Canvas"),
      border: `2px solid ${colour("--st-primary-color", "Highlight")}`,
      borderRadius: colour("--st-base-radius", "0.4rem"),
    });
    document.body.append(box);
    // over everything, dialogs too, where the browser can
    box.showPopover?.();
    this.shown = box;
    hideOthers();
    this.others.observe(document.body, { childList: true, subtree: true });
  }

  hush() {
    this.shown?.remove();
    this.shown = null;
    this.others.disconnect();
  }
}

/** Two sentences about the same would contradict each other: Streamlit's own dialog goes unseen. */
function hideOthers() {
  for (const dialog of document.querySelectorAll('[role="dialog"]')) {
    if (!(dialog instanceof HTMLElement) || !/Streamlit/.test(dialog.textContent ?? "")) continue;
    // with what lies behind it and takes the clicks
    const layer = dialog.closest('[data-testid="stDialog"], [data-baseweb="modal"]') ?? dialog;
    if (layer instanceof HTMLElement) layer.style.display = "none";
  }
}

const watch = new ServerWatch();
keepEntries(window); // for a server that adds no first script to its pages (app/web/first_script.py)

export default mounted(
  (root) => ({ root, stop() {} }),
  ({ root }, /** @type {Component<WatchData>} */ { data }) =>
    watch.show(data, root instanceof ShadowRoot ? root.host : root),
);
