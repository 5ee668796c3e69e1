// Pictures of a sweep's runs side by side. One instance per place on the page; a rerun of the script only
// hands it new data.

import { findAll, finder, make } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { withWords } from "../shared/words.js";

/** @import { Component, Page } from "../shared/types.js" */
/** @typedef {{ url: string, width: number, height: number }} Picture */
/**
 * @typedef {{ beta: string, run: string, name: string, reached: boolean, figures: string, walk: string,
 *   pictures: Record<string, Picture> }} Column see __init__.py
 */
/** @typedef {{ rows: string[], columns: Column[], only: boolean }} MatrixData `only` the cursor's column */

const ENLARGED = 2.5; // times as wide as the others is the cursor's column

class Matrix {
  /** @type {Page | null} */
  page = null;
  /** @type {Column[]} */
  columns = [];
  shown = "";
  only = false;
  /**
   * @type {string | null | undefined} the β of the enlarged column, null for none; undefined before anyone
   *   said
   */
  beta;

  /** @param {Element | ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.at = finder(root);
    this.focused = (/** @type {Event} */ event) => {
      if (event instanceof CustomEvent) this.enlarge(event.detail);
    };
    document.addEventListener("beta-cursor", this.focused);
  }

  stop() {
    document.removeEventListener("beta-cursor", this.focused);
  }

  /** @param {MatrixData} data @param {Page} page */
  show({ rows, columns, only }, page) {
    this.page = page;
    const shown = JSON.stringify([rows, columns, only]);
    if (shown === this.shown) return; // pictures that stand are not made anew
    this.shown = shown;
    this.columns = columns;
    this.only = only;
    this.at(".matrix").classList.toggle("only", only);
    if (only) {
      const cards = columns.map((column) => this.card(rows, column));
      this.at(".matrix").replaceChildren(...cards, ...findAll(this.root, ".meaning"));
      this.beta = undefined;
      this.enlarge(null); // the first, where there is no cursor to answer
      this.want(null);
      return;
    }
    this.at("colgroup").replaceChildren(...columns.map(() => make("col")));
    const heads = columns.map((column) => make("th", { scope: "col" }, this.head(column)));
    this.at("thead").replaceChildren(make("tr", {}, ...heads));
    const body = rows.flatMap((row) => [this.title(row), this.pictures(row)]);
    this.at("tbody").replaceChildren(...body, this.foot());
    this.beta = undefined;
    this.enlarge(null); // none, until the cursor answers
    this.want(null);
  }

  /**
   * All pictures of a run, of which one is shown at a time.
   *
   * @param {string[]} rows
   * @param {Column} column
   */
  card(rows, column) {
    const { beta, pictures, walk } = column;
    const figures = rows.flatMap((row) => {
      if (!pictures[row]) return [];
      const { url, width, height } = pictures[row];
      const image = make("img", { alt: `${row} at β ${beta}`, width, height, src: url });
      const words = row === "traversals" ? `${row}: ${walk}` : row;
      return [make("figure", {}, make("figcaption", {}, ...withWords(words, this.root)), image)];
    });
    return make("div", { className: "card", hidden: true }, ...figures, this.link(column));
  }

  /** @param {Column} column */
  head({ beta, name, reached }) {
    const words = { textContent: `β ${beta}`, title: name };
    if (!reached) return make("span", words);
    return make("button", { ...words, type: "button", onclick: () => this.want(beta) });
  }

  /** @param {string} row */
  title(row) {
    const span = make("span", {}, ...withWords(row, this.root));
    const head = make("th", { colSpan: this.columns.length, scope: "rowgroup" }, span);
    return make("tr", { className: "kind" }, head);
  }

  /** @param {string} row */
  pictures(row) {
    const cells = this.columns.map(({ beta, reached, walk, pictures }) => {
      const cell = make("td");
      if (pictures[row]) {
        const { url, width, height } = pictures[row];
        const image = make("img", { alt: `${row} at β ${beta}`, width, height, src: url });
        if (reached) Object.assign(image, { className: "reached", onclick: () => this.want(beta) });
        cell.append(image);
      }
      if (row === "traversals") cell.append(make("small", { textContent: walk }));
      return cell;
    });
    return make("tr", {}, ...cells);
  }

  foot() {
    const cells = this.columns.map((column) =>
      make("td", {}, make("small", { textContent: column.figures }), this.link(column)),
    );
    return make("tr", { className: "foot" }, ...cells);
  }

  /** @param {Column} column */
  link({ run, name }) {
    const href = `sliders?run=${encodeURIComponent(run)}`;
    const link = make("a", { href, textContent: "Sliders", title: `Open ${name} on the Sliders page` });
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // a tab of its own
      event.preventDefault();
      this.page?.setTriggerValue("open", run);
    };
    return link;
  }

  /**
   * Asks the cursor to go to a β, or only to say where it stands; it answers with that.
   *
   * @param {string | null} beta
   */
  want(beta) {
    document.dispatchEvent(new CustomEvent("beta-wanted", { detail: beta }));
  }

  /** @param {string | null} beta */
  enlarge(beta) {
    const { columns } = this;
    if (!columns.length || beta === this.beta) return;
    this.beta = beta;
    const at = columns.findIndex((column) => column.beta === beta);
    if (this.only) {
      const cards = findAll(this.at(".matrix"), ".card");
      // where the cursor is at none of them, or nowhere, the first stands for it
      for (const [i, card] of cards.entries()) card.hidden = i !== Math.max(0, at);
      return;
    }
    const parts = columns.length + (at < 0 ? 0 : ENLARGED - 1);
    this.at("table").style.setProperty("--parts", String(parts));
    findAll(this.at("colgroup"), "col").forEach((col, i) => {
      col.style.width = `${(100 * (i === at ? ENLARGED : 1)) / parts}%`;
    });
    const heads = findAll(this.at("thead"), "th");
    heads.forEach((head, i) => {
      if (i === at) head.firstElementChild?.setAttribute("aria-current", "true");
      else head.firstElementChild?.removeAttribute("aria-current");
    });
    // on the sheet alone: the page stays where it is
    const sheet = this.at(".matrix");
    const head = heads[at];
    if (!head || sheet.scrollWidth <= sheet.clientWidth) return;
    sheet.scrollLeft = head.offsetLeft + head.offsetWidth / 2 - sheet.clientWidth / 2;
  }
}

export default mounted(
  (root) => new Matrix(root),
  (matrix, /** @type {Component<MatrixData>} */ component) => matrix.show(component.data, component),
);
