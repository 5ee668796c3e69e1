// The latent map. One instance per place on the page; a rerun of the script only hands it new data.

import { mounted } from "../shared/mount.js";
import { LatentMap } from "./map.js";

/** @import { Component } from "../shared/types.js" */
/** @import { MapData } from "./types.js" */

export default mounted(
  (root) => new LatentMap(root),
  (map, /** @type {Component<MapData>} */ component) => {
    map.page = component;
    map.show(component.data);
  },
);
