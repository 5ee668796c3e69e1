import { findAll, finder } from "../shared/dom.js";
import { enlarge } from "../shared/enlarging.js";

/** @import { RunRecord } from "./record.js" */
/** @import { SnapshotLine } from "./types.js" */

/** @typedef {"originals" | "reconstructions" | "samples" | "traversal"} Strip */

const ACROSS = { originals: 8, reconstructions: 8, samples: 8, traversal: 9 }; // pictures side by side

/** The pictures of an epoch, which a handle chooses; the newest until a hand does. */
export class Snapshots {
  /** @type {RunRecord | null} */
  #run = null;
  #follow = true;

  /** @param {ParentNode} root */
  constructor(root) {
    this.at = finder(root);
    this.strips = findAll(root, "[data-strip]");
    this.handle = this.at(".scrub input", HTMLInputElement);
    this.newest = this.at(".newest");
    this.handle.oninput = () => {
      this.#follow = Number(this.handle.value) === Number(this.handle.max);
      this.draw();
    };
    this.newest.onclick = () => {
      this.followNewest();
      this.draw();
    };
  }

  followNewest() {
    this.#follow = true;
  }

  /** @param {RunRecord} run */
  show(run) {
    this.#run = run;
    this.draw();
  }

  draw() {
    const run = this.#run;
    const shots = run?.snapshots ?? [];
    this.at(".pictures").hidden = this.at(".scrub").hidden = !shots.length;
    if (!run || !shots.length) return;
    this.handle.max = String(shots.length - 1);
    if (this.#follow) this.handle.value = this.handle.max;
    this.newest.hidden = this.#follow;
    const shot = shots[Number(this.handle.value)] ?? shots[shots.length - 1];
    this.at("output").textContent = String(shot.epoch);
    for (const figure of this.strips) this.#drawStrip(figure, run, shot);
  }

  /** @param {HTMLElement} figure @param {RunRecord} run @param {SnapshotLine} shot */
  #drawStrip(figure, run, shot) {
    const name = /** @type {Strip} */ (figure.dataset.strip);
    const at = finder(figure);
    const image = at("img", HTMLImageElement);
    figure.hidden = !shot[name]; // a model without an encoder reconstructs nothing
    if (figure.hidden) return;
    const url = `/api/runs/${run.id}/file/${shot[name]}?${run.log}`;
    if (image.dataset.url !== url) {
      image.dataset.url = url;
      // shown only once it is here: the old picture stays until then, so nothing flickers
      const next = new Image();
      next.onload = () => {
        if (image.dataset.url !== url) return;
        image.src = url;
        const said = at("figcaption").textContent;
        image.alt = name === "originals" ? `${said}` : `${said}, after epoch ${shot.epoch}`;
        enlarge(image, { width: next.naturalWidth / ACROSS[name], height: next.naturalWidth / ACROSS[name] });
      };
      next.src = url;
    }
    if (name === "traversal") {
      at("figcaption").textContent = `traversals of ${shot.dims.map((d) => `z${d}`).join(", ")} from −3 to 3`;
    }
  }
}
