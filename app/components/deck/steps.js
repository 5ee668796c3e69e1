import { onStep } from "../shared/entries.js";
import { unpackCode } from "../shared/latent.js";

/** @import { Deck } from "./deck.js" */

/**
 * Goes along with the browser's Back and Forward: an address of this page and run that has another code is
 * gone to at once, without a run of the script, which then only hears of it.
 *
 * @param {Deck} deck
 * @returns {() => void} hears no more
 */
export function followSteps(deck) {
  const { pathname } = location;
  return onStep((url) => {
    const { data, opened, code } = deck;
    if (!data || !opened || url.pathname !== pathname || url.searchParams.get("run") !== data.run)
      return false;
    const found = unpackCode(url.searchParams.get("z") ?? "", code.length);
    if (!found) return false;
    deck.walk.halt();
    deck.gesture = false;
    deck.remember();
    deck.go(found);
    return true;
  });
}
