import type { ValueWords } from "../shared/numbers.js";
import type { Header, Palette } from "../shared/types.js";

/** What the page hands over; see __init__.py. Arrays come as addresses, which name their content. */
export interface MapData {
  run: string;
  title: string;
  x: string;
  y: string;
  count: number;
  points: string;
  numbers: string;
  /** rows along a Z-curve, by which images lie in tiles */
  order: string;
  /** images per tile */
  tile: number;
  atlas: string;
  pair: string;
  colour: Colour;
  labels?: { values: string; names: string[]; title: string };
  /** row of the chosen image, or -1 */
  chosen: number;
  selected?: string;
  spot?: [number, number];
  decoded?: boolean;
  marks?: MapMark[];
  ellipses?: string;
  prior?: boolean;
  plane?: { key: string; header: Header; mean: number[]; axes: number[][]; whole: boolean };
  frames?: { points: string; words: string[] };
  /** maps that share it follow each other's selections */
  link?: string;
  palette: Palette;
}

export interface MapMark {
  x: number;
  y: number;
  words: string;
}

/** By class (255 is none), by number (NaN is none) between `low` and `high`, or all alike. */
export type Colour =
  | { kind: "classes"; values: string; names: string[]; title: string }
  | NumberColour
  | { kind: "none"; values?: undefined; title: string };

export interface NumberColour {
  kind: "numbers";
  values: string;
  low: number;
  high: number;
  title: string;
  /** that a value is said with, at least */
  digits?: number;
  words?: ValueWords;
}

/** Red, green and blue. */
export type Rgb = number[];

/** x0, x1, y0, y1 */
export type Box = [number, number, number, number];

export interface Extent {
  x0: number;
  x1: number;
  y0: number;
  y1: number;
}

/** The arrays that the addresses of MapData name. */
export interface MapArrays {
  points: Float32Array;
  numbers: Int32Array;
  order: Int32Array;
  frames: Float32Array | null;
  values: Uint8Array | Float32Array | null;
  deviations: Float32Array | null;
  labelled: Uint8Array | null;
}
