import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data.
const ENLARGED = 2.5;  // times as wide as the others is the cursor's column

export default mounted((root) => new Matrix(root), (matrix, component) => matrix.show(component.data, component));

const make = (tag, props = {}, ...children) => {
  const found = Object.assign(document.createElement(tag), props);
  found.append(...children);
  return found;
};

class Matrix {
  constructor(root) {
    this.at = (selector) => root.querySelector(selector);
    this.focused = ({ detail }) => this.enlarge(detail);
    document.addEventListener("beta-focus", this.focused);
  }

  stop() { document.removeEventListener("beta-focus", this.focused); }

  show(data, tell) {
    this.tell = tell;
    const said = JSON.stringify(data);
    if (said === this.said) return;  // pictures that stand are not made anew
    this.said = said; this.data = data;
    const { columns, rows } = data, line = (cells, props = {}) => make("tr", props, ...cells);
    this.at("colgroup").replaceChildren(...columns.map(() => make("col")));
    this.at("thead").replaceChildren(line(columns.map((c) => make("th", { scope: "col" },
      c.reached ? make("button", { type: "button", textContent: `β ${c.beta}`, title: c.name, onclick: () => this.want(c.beta) })
        : make("span", { textContent: `β ${c.beta}`, title: c.name })))));
    const body = [];
    for (const row of rows) {
      body.push(line([make("th", { colSpan: columns.length, scope: "rowgroup" }, make("span", { textContent: row }))], { className: "kind" }));
      body.push(line(columns.map((c) => {
        const picture = c.pictures[row], cell = make("td");
        if (picture) cell.append(make("img", { alt: `${row} at β ${c.beta}`, width: picture.width, height: picture.height, src: picture.url, onclick: c.reached ? () => this.want(c.beta) : null, className: c.reached ? "reached" : "" }));
        if (row === "traversals") cell.append(make("small", { textContent: c.walk }));
        return cell;
      })));
    }
    body.push(line(columns.map((c) => {
      const link = make("a", { href: `sliders?run=${encodeURIComponent(c.run)}`, textContent: "Sliders", title: `Open ${c.name} on the Sliders page` });
      link.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;  // a tab of its own
        event.preventDefault();
        this.tell.setTriggerValue("open", c.run);
      };
      return make("td", {}, make("small", { textContent: c.told }), link);
    }), { className: "foot" }));
    this.at("tbody").replaceChildren(...body);
    this.beta = undefined;
    this.enlarge(null);  // none, until the cursor answers
    this.want(null);
  }

  // to the cursor, which answers with where it stands
  want(beta) { document.dispatchEvent(new CustomEvent("beta-wanted", { detail: beta })); }

  enlarge(beta) {
    if (!this.data || beta === this.beta) return;
    this.beta = beta;
    const at = this.data.columns.findIndex((c) => c.beta === beta), count = this.data.columns.length;
    const sheet = this.at(".sheet"), parts = count + (at < 0 ? 0 : ENLARGED - 1);
    this.at("table").style.setProperty("--parts", parts);
    this.at("colgroup").querySelectorAll("col").forEach((col, i) => { col.style.width = `${100 * (i === at ? ENLARGED : 1) / parts}%`; });
    this.at("thead").querySelectorAll("th").forEach((th, i) => { if (i === at) th.firstChild.setAttribute("aria-current", "true"); else th.firstChild.removeAttribute("aria-current"); });
    // on the sheet alone: the page stays where it is
    const head = this.at("thead").querySelectorAll("th")[at];
    if (head && sheet.scrollWidth > sheet.clientWidth) sheet.scrollLeft = head.offsetLeft + head.offsetWidth / 2 - sheet.clientWidth / 2;
  }
}
