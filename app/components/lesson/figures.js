// The figures by name; each is fetched when its screen comes.

/** @import { Figure, Tools } from "./types.js" */
/**
 * Makes a figure in its room, locked.
 *
 * @typedef {(room: HTMLElement, tools: Tools<any>) => Promise<Figure>} Make
 */

/** @type {Record<string, () => Promise<Make>>} */
export const FIGURES = {
  area: async () => (await import("./figures/area.js")).make,
  arrow: async () => (await import("./figures/arrow.js")).make,
  balance: async () => (await import("./figures/balance.js")).make,
  between: async () => (await import("./figures/between.js")).make,
  blend: async () => (await import("./figures/blend.js")).make,
  cloud: async () => (await import("./figures/cloud.js")).make,
  compared: async () => (await import("./figures/compared.js")).make,
  epsilon: async () => (await import("./figures/epsilon.js")).make,
  gaps: async () => (await import("./figures/gaps.js")).make,
  gradients: async () => (await import("./figures/gradients.js")).make,
  logvar: async () => (await import("./figures/logvar.js")).make,
  makers: async () => (await import("./figures/makers.js")).make,
  odd: async () => (await import("./figures/odd.js")).make,
  paths: async () => (await import("./figures/paths.js")).make,
  price: async () => (await import("./figures/price.js")).make,
  probe: async () => (await import("./figures/probe.js")).make,
  squeeze: async () => (await import("./figures/squeeze.js")).make,
  stages: async () => (await import("./figures/stages.js")).make,
  strips: async () => (await import("./figures/strips.js")).make,
  tiny: async () => (await import("./figures/tiny.js")).make,
  usual: async () => (await import("./figures/usual.js")).make,
};
