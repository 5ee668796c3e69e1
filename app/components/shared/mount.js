/** @import { Component } from "./types.js" */

/**
 * Keeps one instance of a component per place on the page.
 *
 * Streamlit calls a component with each new data. It also makes a call that was superseded while the script
 * still loaded, possibly after the newer one, and that call's clean-up follows at once; the clean-up of any
 * other call comes only when the component goes. So a clean-up in the same turn as its call ends that call
 * alone, and the newest call that stands is shown.
 *
 * @template Data
 * @template {{ stop(): void }} Instance
 * @param {(root: Element | ShadowRoot) => Instance} make makes an instance
 * @param {(instance: Instance, component: Component<Data>) => void} show shows it data
 * @returns {(component: Component<Data>) => () => void} what Streamlit calls; it returns the clean-up
 */
export function mounted(make, show) {
  /** @typedef {{ component: Component<Data>, settled: boolean }} Call */
  /** @typedef {{ instance: Instance, calls: Call[], shown: Call | null, ended: boolean }} Place */
  /** @type {WeakMap<Element | ShadowRoot, Place>} */
  const places = new WeakMap();
  return (component) => {
    const root = component.parentElement;
    const place = places.get(root) ?? { instance: make(root), calls: [], shown: null, ended: false };
    places.set(root, place);
    /** @type {Call} */
    const call = { component, settled: false };
    const present = (/** @type {Call} */ newest) => {
      place.shown = newest;
      show(place.instance, newest.component);
    };
    const end = () => {
      if (place.ended) return; // two calls that were superseded in one turn both come to this
      place.ended = true;
      place.instance.stop();
      if (places.get(root) === place) places.delete(root);
    };
    place.calls.push(call);
    setTimeout(() => {
      call.settled = true;
      const at = place.calls.indexOf(call);
      if (at > 0) place.calls.splice(0, at); // those before it are history
    });
    present(call);
    return () => {
      const at = place.calls.indexOf(call);
      if (at >= 0) place.calls.splice(at, 1);
      if (call.settled) return end();
      setTimeout(() => {
        const newest = place.calls.at(-1);
        if (!newest) end();
        else if (newest !== place.shown) present(newest);
      });
    };
  };
}
