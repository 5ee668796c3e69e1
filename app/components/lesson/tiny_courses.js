// What the tiny network is led through, and what came of it. Nothing here touches the page.

/** @import { Costs } from "./tiny_vae.js" */

/** @type {Record<"walk" | "collapse", { beta: number, steps: number }[]>} */
export const COURSES = {
  walk: [
    { beta: 0.2, steps: 400 },
    { beta: 2, steps: 300 },
  ],
  collapse: [
    { beta: 1, steps: 400 },
    { beta: 100, steps: 200 },
    { beta: 1, steps: 400 },
  ],
};

const TENTH = 0.1;
const MOST = 0.8;

/**
 * Which answer came true, with a sentence on it.
 *
 * @param {"walk" | "collapse"} mode
 * @param {Costs[]} ended where each leg ended
 * @returns {{ truth: string, said: string }}
 */
export function outcome(mode, ended) {
  const legs = COURSES[mode];
  const list = (/** @type {(costs: Costs) => string} */ of) => ended.map(of).join(", ");
  const said =
    `At β = ${legs.map(({ beta }) => beta).join(", ")}: rate ${list(({ rate }) => rate.toFixed(2))}; ` +
    `distortion ${list(({ distortion }) => distortion.toFixed(1))} nats.`;
  return { truth: mode === "walk" ? walked(ended) : healed(ended), said };
}

/** @param {Costs[]} ended */
function walked([before, after]) {
  const [rate, distortion] = [after.rate - before.rate, after.distortion - before.distortion];
  if (Math.abs(rate) < TENTH * before.rate) return "stays";
  if (rate > 0) return "back";
  return distortion > 0 ? "trade" : "both";
}

/** @param {Costs[]} ended */
function healed([before, dear, after]) {
  if (dear.rate >= TENTH * before.rate) return "none";
  if (after.rate < TENTH * before.rate) return "stays";
  return after.rate < MOST * before.rate ? "part" : "back";
}
