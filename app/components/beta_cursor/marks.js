// Where a mark stands in a plotly chart. The charts are Streamlit's own: what is put over them are elements,
// placed by plotly's axes, so that a move draws no chart anew.

/** @import { ChartPlaces, PlotlyAxis } from "./types.js" */

const WIDE = 20; // pixels of the circle around a point
const LINE = 2;
const FRAME = 3;

/** @typedef {{ left: number, top: number, width: number, height: number }} Box in pixels */
/**
 * @typedef {{ plot: Box, box: Box, inside: boolean }} MarkPlace `box` counts from the plot's left and the
 *   chart's top
 */

/**
 * @param {ChartPlaces} places
 * @param {number} index of the β
 * @param {PlotlyAxis} xaxis
 * @param {PlotlyAxis} yaxis
 * @returns {MarkPlace}
 */
export function placeOf(places, index, xaxis, yaxis) {
  const plot = { left: xaxis._offset, top: yaxis._offset, width: xaxis._length, height: yaxis._length };
  const box = boxOf(places, index, xaxis, yaxis, plot);
  // what lies beyond the axes, of a chart that was zoomed, is not there
  const middle = box.left + box.width / 2;
  const level = box.top + box.height / 2 - plot.top;
  const across = middle >= -1 && middle <= plot.width + 1;
  const down = level >= -1 && level <= plot.height + 1;
  return { plot, box, inside: box.width > 0 && across && down };
}

/**
 * @param {ChartPlaces} places
 * @param {number} index
 * @param {PlotlyAxis} xaxis
 * @param {PlotlyAxis} yaxis
 * @param {Box} plot
 * @returns {Box}
 */
function boxOf(places, index, xaxis, yaxis, plot) {
  const upright = { top: plot.top, height: plot.height };
  if (places.kind === "column") {
    // the labels are the categories, in their order. Cut where the axes end
    const left = Math.max(0, xaxis.l2p(index - 0.5));
    return { ...upright, left, width: Math.min(plot.width, xaxis.l2p(index + 0.5)) - left };
  }
  const x = xaxis.d2p(places.x[index]);
  if (places.kind === "line") return { ...upright, left: x - LINE / 2, width: LINE };
  const y = plot.top + yaxis.d2p(places.y[index]);
  return { left: x - WIDE / 2, top: y - WIDE / 2, width: WIDE, height: WIDE };
}

/**
 * @param {MarkPlace} place
 * @param {ChartPlaces["kind"]} kind
 * @param {string} colour
 * @returns {string} the mark's style
 */
export function styleOf({ plot, box, inside }, kind, colour) {
  return [
    "position:absolute",
    "pointer-events:none",
    "box-sizing:border-box",
    `left:${plot.left + box.left}px`,
    `top:${box.top}px`,
    `width:${box.width}px`,
    `height:${box.height}px`,
    kind === "line" ? `background:${colour}` : `border:${FRAME}px solid ${colour}`,
    `border-radius:${kind === "point" ? "50%" : "0"}`,
    inside ? "" : "display:none",
  ].join(";");
}

/**
 * The β whose mark stands where a chart was clicked, or -1.
 *
 * @param {ChartPlaces | undefined} places
 * @param {{ x: unknown, y: unknown }} point
 */
export function indexAt(places, point) {
  if (!places) return -1;
  return places.x.findIndex(
    (x, i) => near(x, point.x) && (places.kind !== "point" || near(places.y[i], point.y)),
  );
}

/** @param {unknown} a @param {unknown} b */
const near = (a, b) => Math.abs(Number(a) - Number(b)) <= 1e-9 * Math.max(1, Math.abs(Number(b)));
