// Streamlit calls a component with each new data. A call that was superseded
// while the script still loaded is made all the same, possibly after the newer one, and its clean-up follows at once;
// the clean-up of any other call only when the component goes. So one that comes in the same turn as its call ends
// that call alone, and what is shown is then the newest call that stands.
export function mounted(make, show) {
  const places = new WeakMap();
  return (component) => {
    const root = component.parentElement;
    if (!places.has(root)) places.set(root, { instance: make(root), calls: [], shown: null });
    const place = places.get(root), call = { component, settled: false };
    const present = (newest) => { place.shown = newest; show(place.instance, newest.component); };
    const end = () => { place.instance.stop(); if (places.get(root) === place) places.delete(root); };
    place.calls.push(call);
    setTimeout(() => {
      call.settled = true;
      const at = place.calls.indexOf(call);
      if (at > 0) place.calls.splice(0, at);  // those before it are history
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
