/** @import { Plotly } from "./types.js" */

/** @type {Promise<Plotly> | null} one load for the whole page */
let loading = null;

/**
 * plotly.js, which makes itself a global; loaded once.
 *
 * @param {string} url
 * @returns {Promise<Plotly>}
 */
export function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ??= new Promise((resolve, reject) => {
    const failed = () => {
      loading = null;
      reject(new Error("the chart library could not be loaded"));
    };
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : failed());
    script.onerror = failed;
    document.head.append(script);
  });
  return loading;
}
