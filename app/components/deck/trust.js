import { context2d, finder, fitCanvas, make, pause } from "../shared/dom.js";
import { describe, fetchJson, get } from "../shared/requests.js";
import { mahalanobis, nearestCode, percentileOf } from "../shared/usual.js";
import { ordinal, project, unpackCodes } from "./cloud.js";

/** @import { Cloud } from "./cloud.js" */
/** @import { Deck } from "./deck.js" */
/** @import { CloudHeader } from "./types.js" */

const GATHER = 1500; // milliseconds until the server is asked again for the codes of all images
const AGAIN = 300; // until it is asked again after it was busy or its weights changed
const MOST_TRIES = 100;
const OFTEN = 100; // milliseconds between two looks at a picture
const FAR = 1.5; // times the farthest sample

/**
 * How far a picture may be trusted: its percentile under the aggregate posterior, the nearest known image and
 * its place among all, each for the picture on show.
 */
export class Trust {
  /** @type {Cloud | null} */
  cloud = null;
  /** @type {HTMLCanvasElement | null} the images on their two axes, drawn once */
  #map = null;
  /** @type {(spot: number[]) => [number, number]} axes -> pixels of the map */
  #toMap = () => [0, 0];
  #nearShown = -1;
  #writtenAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #writing;

  /** @param {Deck} deck @param {Element | ShadowRoot} root */
  constructor(deck, root) {
    this.deck = deck;
    this.at = finder(root);
    this.place = this.at(".place canvas", HTMLCanvasElement);
    this.near = this.at(".near canvas", HTMLCanvasElement);
  }

  stop() {
    clearTimeout(this.#writing);
  }

  /** Another run: nothing is known of its images. */
  forget() {
    this.cloud = null;
    this.at("[data-n=percentile]").textContent = "–";
  }

  // ---------------------------------------------------------------- reading

  /** Reads what is known of the images, in some tries. */
  async read() {
    const gone = this.deck.staleness();
    const { run } = this.deck.given;
    this.cloud = null;
    this.at("[data-n=near]").textContent = "reading the images…";
    for (let tries = 0; ; tries++) {
      try {
        const cloud = await readCloud(run);
        if (gone()) return;
        if (cloud) {
          this.#take(cloud, gone);
          return;
        }
        tries = 0; // being encoded, for this page or another
        await pause(GATHER);
      } catch (error) {
        if (gone()) return;
        const { status, message } = describe(error);
        if (tries >= MOST_TRIES || (status !== 410 && status !== 429)) {
          this.#giveUp(message || "nothing is known of the images");
          return;
        }
        await pause(AGAIN);
      }
      if (gone()) return;
    }
  }

  /** @param {Cloud} cloud @param {() => boolean} gone */
  #take(cloud, gone) {
    const { deck } = this;
    this.cloud = cloud;
    this.#drawMap(cloud);
    // where the page knew it from the first, no slider is to jump for what other images say
    deck.sliders.setSpan(deck.given.span ?? { low: cloud.low, high: cloud.high });
    deck.sliders.write();
    this.#nearShown = -1;
    this.write();
    deck.rest();
    if (cloud.known > cloud.count) this.#gather(cloud, gone);
  }

  /** @param {string} why */
  #giveUp(why) {
    const { deck } = this;
    this.at("[data-n=near]").textContent = why;
    this.at("[data-n=percentile]").textContent = "–";
    const { span } = deck.given;
    deck.sliders.setSpan(span, span ? "" : `data: ${why}`);
    deck.sliders.write();
    deck.rest();
  }

  /**
   * Reads the codes of all images, once the server has encoded them; until then, and if it cannot, some do.
   *
   * @param {Cloud} cloud
   * @param {() => boolean} gone
   */
  async #gather(cloud, gone) {
    for (;;) {
      await pause(GATHER);
      if (gone() || this.cloud !== cloud) return;
      try {
        const answer = await get(`/api/runs/${this.deck.given.run}/crowd-${cloud.version}.bin`);
        if (answer.status === 202) continue;
        const all = unpackCodes(await answer.arrayBuffer(), cloud.latent_dim);
        if (gone() || this.cloud !== cloud) return;
        cloud.all = all;
        this.#nearShown = -1;
        this.write();
        return;
      } catch (error) {
        if (describe(error).status !== 429) return;
      }
    }
  }

  // ---------------------------------------------------------------- writing

  /** After a picture: at once, or soon where that was done just now. */
  writeSoon() {
    clearTimeout(this.#writing);
    if (performance.now() - this.#writtenAt > OFTEN) this.write();
    else this.#writing = setTimeout(() => this.write(), OFTEN + 10);
  }

  write() {
    clearTimeout(this.#writing);
    this.#writtenAt = performance.now();
    const { cloud } = this;
    const z = this.deck.shown;
    if (!cloud || !z) return;
    const far = mahalanobis(cloud, z);
    const percentile = percentileOf(cloud.quantiles, far);
    this.at("[data-n=percentile]").textContent =
      far > FAR * cloud.quantiles[100]
        ? "far outside the data"
        : `${ordinal(Math.round(percentile))} percentile`;
    this.at(".usual").classList.toggle("odd", percentile > 99);
    this.#writeNear(cloud, z);
    this.#drawPlace(cloud, z);
  }

  /** @param {Cloud} cloud @param {number[]} z */
  #writeNear(cloud, z) {
    const { row, distance } = nearestCode(cloud.all, z);
    const { index, labels, count } = cloud.all;
    const label = labels[row];
    const name = label < 0 ? "" : ` (${cloud.names[label] ?? label})`;
    const far = distance.toFixed(2);
    this.at("[data-n=near]").textContent = `nearest: image ${index[row]}${name}, distance ${far}`;
    const many = (/** @type {number} */ n) => n.toLocaleString("en");
    const of = count < cloud.known ? `${many(count)} of the ${many(cloud.known)}` : many(count);
    const made = cloud.images ? "" : ", decoded from its code";
    this.at("[data-n=near-what]").textContent = `of ${of} ${cloud.what}${made}`;
    if (row === this.#nearShown) return;
    this.#nearShown = row;
    this.#drawNear(cloud, row);
  }

  /** @param {Cloud} cloud @param {number} row */
  async #drawNear(cloud, row) {
    const { opened } = this.deck;
    if (!opened) return;
    const { near } = this;
    const size = opened.picture.decoder;
    if (!cloud.images) {
      const dims = cloud.latent_dim;
      const code = Array.from(cloud.all.points.subarray(row * dims, (row + 1) * dims));
      const paint = (/** @type {ImageData} */ image) => {
        if (row !== this.#nearShown) return;
        fitCanvas(near, size);
        context2d(near).putImageData(image, 0, 0);
      };
      opened.thumbnails.paint("near", [code], paint, { urgent: true });
      return;
    }
    const picture = new Image();
    picture.src = `/api/runs/${this.deck.given.run}/image/${cloud.all.index[row]}.png`;
    try {
      await picture.decode();
    } catch {
      return;
    }
    if (row !== this.#nearShown) return;
    fitCanvas(near, size);
    context2d(near).drawImage(picture, 0, 0, size.width, size.height);
  }

  // ---------------------------------------------------------------- the place among the images

  /** @param {Cloud} cloud */
  #drawMap(cloud) {
    const size = this.place.width;
    const dims = cloud.latent_dim;
    const spots = Array.from({ length: cloud.count }, (_, i) =>
      project(cloud, cloud.points.subarray(i * dims, (i + 1) * dims)),
    );
    // all but one in a hundred have room on each axis
    const ends = [0, 1].map((k) => {
      const sorted = spots.map((spot) => spot[k]).sort((a, b) => a - b);
      const at = (/** @type {number} */ share) => sorted[Math.floor(share * (sorted.length - 1))];
      return { middle: (at(0.005) + at(0.995)) / 2, reach: (at(0.995) - at(0.005)) / 2 };
    });
    const scale = (0.44 * size) / Math.max(1e-6, ends[0].reach, ends[1].reach);
    this.#toMap = ([x, y]) => [
      size / 2 + (x - ends[0].middle) * scale,
      size / 2 - (y - ends[1].middle) * scale,
    ];
    const { categorical } = this.deck.given.palette;
    const map = make("canvas", { width: size, height: size });
    const context = context2d(map);
    context.globalAlpha = 0.5;
    spots.forEach((spot, i) => {
      const [x, y] = this.#toMap(spot);
      context.fillStyle = categorical[Math.max(0, cloud.labels[i]) % categorical.length];
      context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
    });
    this.#map = map;
    const along = dims > 2 ? ", along their two main directions" : "";
    this.at("[data-n=axes]").textContent = `where this lies among the images${along}`;
  }

  /** @param {Cloud} cloud @param {number[]} z */
  #drawPlace(cloud, z) {
    if (!this.#map) return;
    const { width, height } = this.place;
    const context = context2d(this.place);
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#map, 0, 0);
    const [x, y] = this.#toMap(project(cloud, z));
    context.beginPath();
    context.arc(Math.min(width - 4, Math.max(4, x)), Math.min(height - 4, Math.max(4, y)), 5, 0, 7);
    context.lineWidth = 4;
    context.strokeStyle = "#fff";
    context.stroke();
    context.lineWidth = 2;
    context.strokeStyle = this.deck.given.palette.mark;
    context.stroke();
  }
}

/**
 * @param {string} run
 * @returns {Promise<Cloud | null>} null while the images are being encoded
 */
async function readCloud(run) {
  /** @type {CloudHeader} */
  const head = await fetchJson(`/api/runs/${run}/cloud.json`);
  if (head.wait) return null;
  const answer = await get(`/api/runs/${run}/cloud-${head.version}.bin`);
  if (answer.status === 202) return null;
  const codes = unpackCodes(await answer.arrayBuffer(), head.latent_dim);
  return { ...head, ...codes, all: codes };
}
