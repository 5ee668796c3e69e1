// The figures by name; each is fetched when its screen comes.

/** @import { Figure, Tools } from "./types.js" */
/**
 * Makes a figure in its room, locked.
 *
 * @typedef {(room: HTMLElement, tools: Tools<any>) => Promise<Figure>} Make
 */

/** @type {Record<string, () => Promise<Make>>} */
export const FIGURES = {
  cloud: async () => (await import("./figures/cloud.js")).make,
  gaps: async () => (await import("./figures/gaps.js")).make,
};
