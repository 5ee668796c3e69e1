// The browser's history: one entry per rest of the hand.
//
// Streamlit makes an entry of whatever a script writes into the address. What no hand asked for, as the code
// that a page begins at, would be a press of Back that leads nowhere.

const ACTS = ["pointerdown", "pointerup", "keydown", "wheel", "input", "change", "drop", "paste"];

/**
 * Has an entry made only for the first change of the address after a hand did something on this page; what
 * comes after it replaces that entry. Another page is an entry always.
 *
 * @param {Window} page
 */
export function keepEntries(page) {
  const { history, location } = page;
  let acted = false;
  const push = history.pushState.bind(history);
  joinFirst(page);
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

/**
 * A page that was opened by its address may have two entries by now: that address, and what its script made
 * of it before anything here was loaded. They become one, where the browser tells its entries.
 *
 * @param {Window & { navigation?: any }} page
 */
function joinFirst(page) {
  const { history, location, navigation } = page;
  const [opening] = page.performance.getEntriesByType("navigation");
  // a page that was reloaded or gone back to has entries of its own before it
  const fresh = /** @type {PerformanceNavigationTiming | undefined} */ (opening)?.type === "navigate";
  if (!fresh || page.navigator.userActivation?.hasBeenActive || !navigation?.currentEntry) return;
  const now = navigation.currentEntry.index;
  const first = navigation
    .entries()
    .findIndex(
      (/** @type {any} */ entry) => entry.sameDocument && new URL(entry.url).pathname === location.pathname,
    );
  if (first < 0 || first >= now) return;
  const { href } = location;
  page.addEventListener(
    "popstate",
    (event) => {
      event.stopImmediatePropagation(); // nobody went anywhere
      history.replaceState({}, "", href);
    },
    { capture: true, once: true },
  );
  history.go(first - now);
}

/**
 * Hears of a step through the history before Streamlit does, which would run the whole script for it. One
 * that `take` answers with true is dealt with.
 *
 * @param {(url: URL) => boolean} take
 * @returns {() => void} hears no more
 */
export function onStep(take) {
  const heard = (/** @type {PopStateEvent} */ event) => {
    if (take(new URL(location.href))) event.stopImmediatePropagation();
  };
  addEventListener("popstate", heard, true);
  return () => removeEventListener("popstate", heard, true);
}
