// The tools around the plot, and what a map hears of the page.

import { findAll } from "../shared/dom.js";
import { POINTED, SELECTED } from "./choice.js";

/** @import { LatentMap } from "./map.js" */
/** @import { Pointer } from "./pointer.js" */

/**
 * Wires the tools around the plot, and what the map hears of the page.
 *
 * @param {LatentMap} map
 * @returns {() => void} what takes that back
 */
export function wireTools(map) {
  const { at, root } = map;
  for (const radio of findAll(root, "[name=mode]", HTMLInputElement)) {
    radio.onchange = () => {
      map.pointer.mode = /** @type {Pointer["mode"]} */ (radio.value);
      map.plot.dataset.mode = radio.value;
    };
  }
  const images = at("[data-do=images]");
  const actions = {
    in: () => map.zoom(1.5, ...map.view.middle),
    out: () => map.zoom(1 / 1.5, ...map.view.middle),
    fit: () => map.fit(),
    images: () => {
      images.setAttribute("aria-pressed", String(images.getAttribute("aria-pressed") !== "true"));
      map.draw();
    },
    play: () => map.replay.toggle(),
  };
  for (const [name, act] of Object.entries(actions)) {
    at(`[data-do=${name}]`).onclick = () => {
      if (map.ready) act();
    };
  }
  const [size, opacity] = findAll(root, ".look input[type=range]", HTMLInputElement);
  const look = at(".look", HTMLDetailsElement);
  look.ontoggle = () => {
    size.value = String(map.scene.dot);
    opacity.value = String(map.scene.strength);
  };
  size.oninput = () => {
    map.scene.size = Number(size.value);
    map.draw();
  };
  opacity.oninput = () => {
    map.scene.opacity = Number(opacity.value);
    map.draw();
  };
  for (const name of /** @type {const} */ (["names", "ellipses", "contours"])) {
    map.toggle(name).onchange = () => map.draw();
  }
  map.toggle("plane").onchange = () => {
    map.planeChosen = true;
    map.drawPlane();
  };
  return hearPage(map, look);
}

/** @param {LatentMap} map @param {HTMLDetailsElement} look */
function hearPage(map, look) {
  const watch = new ResizeObserver(() => map.resize());
  watch.observe(map.plot);
  const theme = matchMedia("(prefers-color-scheme: dark)");
  const themed = () => map.draw();
  theme.addEventListener("change", themed);
  const hears = (/** @type {Event} */ event) => map.choice.heard(event);
  for (const what of [SELECTED, POINTED]) addEventListener(what, hears);
  // a click elsewhere folds what hangs over the points
  const outside = (/** @type {Event} */ event) => {
    if (look.open && !event.composedPath().includes(look)) look.open = false;
  };
  addEventListener("pointerdown", outside);
  return () => {
    watch.disconnect();
    theme.removeEventListener("change", themed);
    for (const what of [SELECTED, POINTED]) removeEventListener(what, hears);
    removeEventListener("pointerdown", outside);
  };
}
