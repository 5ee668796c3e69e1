// What is asked for faster than it can be done: one piece of work at a time, and the newest wish wins.

import { count } from "../shared/dom.js";
import { describe } from "../shared/requests.js";

/**
 * @param {HTMLElement} room counts what was drawn
 * @param {(text: string) => void} say hears what went wrong, "" when all is well
 * @param {(open: () => boolean) => Promise<void>} work does what is wanted now; `open` says whether anyone
 *   still looks
 */
export function newest(room, say, work) {
  let [alive, busy, wanted] = [true, false, false];
  const open = () => alive;
  return {
    async ask() {
      wanted = true;
      if (busy) return;
      busy = true;
      try {
        while (wanted && alive) {
          wanted = false;
          await work(open);
          if (!alive) return;
          count(room, "frame");
          say("");
        }
      } catch (error) {
        say(`These codes could not be decoded: ${describe(error).message}.`);
      } finally {
        busy = false;
      }
    },
    stop() {
      alive = false;
    },
  };
}
