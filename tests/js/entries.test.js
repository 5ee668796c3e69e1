import assert from "node:assert/strict";
import { test } from "node:test";
import { keepEntries } from "../../app/components/shared/entries.js";

/** @param {string} path */
function opened(path) {
  const page = new EventTarget();
  const location = new URL(path, "http://here");
  /** @type {string[]} */
  const entries = [location.href];
  const go = (/** @type {string} */ url) => {
    location.href = new URL(url, location.href).href;
  };
  const history = {
    pushState(/** @type {unknown} */ _state, /** @type {string} */ _unused, /** @type {string} */ url) {
      go(url);
      entries.push(location.href);
    },
    replaceState(/** @type {unknown} */ _state, /** @type {string} */ _unused, /** @type {string} */ url) {
      go(url);
      entries[entries.length - 1] = location.href;
    },
  };
  Object.assign(page, { history, location });
  keepEntries(/** @type {any} */ (page));
  keepEntries(/** @type {any} */ (page)); // who comes second adds nothing
  const said = () => entries.map((url) => new URL(url).search);
  const write = (/** @type {string} */ url) => history.pushState({}, "", url);
  return { page, entries, said, write };
}

test("what the script writes of itself is no entry, and a rest of the hand is one", () => {
  const { page, said, write } = opened("/sliders?run=a");
  write("/sliders?run=a&z=0");
  assert.deepEqual(said(), ["?run=a&z=0"]);
  for (const z of [1, 2, 3]) {
    page.dispatchEvent(new Event("pointerdown"));
    write(`/sliders?run=a&z=${z}`);
    write(`/sliders?run=a&z=${z}&more=1`);
  }
  const rests = [1, 2, 3].map((z) => `?run=a&z=${z}&more=1`);
  assert.deepEqual(said(), ["?run=a&z=0", ...rests]);
});

test("another page is an entry, and what it writes of itself then is none", () => {
  const { page, entries, write } = opened("/?run=a");
  page.dispatchEvent(new Event("pointerdown"));
  write("/map?run=a");
  write("/map?run=a&x=z1");
  write("/beta?run=a");
  assert.deepEqual(entries, ["http://here/?run=a", "http://here/map?run=a&x=z1", "http://here/beta?run=a"]);
});

test("after a step back the script's own words make no entry", () => {
  const { page, said, write } = opened("/map?run=a");
  page.dispatchEvent(new Event("keydown"));
  page.dispatchEvent(new Event("popstate"));
  write("/map?run=a&image=3");
  assert.deepEqual(said(), ["?run=a&image=3"]);
});
