// The browser's history: one entry per rest of the hand.
//
// Streamlit makes an entry of whatever a script writes into the address. What no hand asked for, as the code
// that a page begins at, would be a press of Back that leads nowhere.

const ACTS = ["pointerdown", "pointerup", "keydown", "wheel", "input", "change", "drop", "paste"];

/** @type {WeakSet<Window>} */
const kept = new WeakSet();

/**
 * Has an entry made only for the first change of the address after a hand did something on this page; what
 * comes after it replaces that entry. Another page is an entry always. Once is enough for a window.
 *
 * @param {Window} page
 */
export function keepEntries(page) {
  if (kept.has(page)) return;
  kept.add(page);
  const { history, location } = page;
  let acted = false;
  const push = history.pushState.bind(history);
  const act = () => {
    acted = true;
  };
  for (const name of ACTS) page.addEventListener(name, act, { capture: true, passive: true });
  page.addEventListener(
    "popstate",
    () => {
      acted = false; // what the script writes of a page gone back to is that page's
    },
    true,
  );
  history.pushState = (state, unused, url) => {
    const there = new URL(url ?? location.href, location.href);
    const same = there.pathname === location.pathname;
    if (same && !acted) return history.replaceState(state, unused, url);
    acted = false;
    push(state, unused, url);
  };
}
