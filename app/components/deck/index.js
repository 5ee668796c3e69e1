// Sliders over latent dimensions. One instance per place on the page; a rerun of the script only hands it new
// data.

import { mounted } from "../shared/mount.js";
import { wireControls } from "./controls.js";
import { Deck } from "./deck.js";

/** @import { Component } from "../shared/types.js" */
/** @import { DeckData } from "./types.js" */

/** @param {Element | ShadowRoot} root */
function open(root) {
  const deck = new Deck(root);
  const unwire = wireControls(deck);
  return {
    show: (/** @type {Component<DeckData>} */ component) => deck.show(component),
    stop() {
      deck.stop();
      unwire();
    },
  };
}

export default mounted(open, (deck, /** @type {Component<DeckData>} */ component) => deck.show(component));
