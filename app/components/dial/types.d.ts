import type { DialSource } from "../shared/decoder.js";
import type { DialHeader, Palette } from "../shared/types.js";

/** What the page hands over; see __init__.py. Addresses of arrays are null where there are none. */
export interface DialData {
  run: string;
  header: DialHeader;
  beta: number;
  images: string | null;
  noise: string;
  dims: number[];
  values: number[];
  stops: Stops | null;
  points: string | null;
  colours: string | null;
  others: OtherRun[];
  palette: Palette;
}

/** Test figures at a few βs, ascending; `kl` per dimension. Nats. */
export interface Stops {
  betas: number[];
  rate: number[];
  distortion: number[];
  kl: number[][];
}

/** A run that was trained for one β. */
export interface OtherRun {
  beta: number;
  rate: number;
  distortion: number;
  name: string;
}

/** The arrays that the addresses of DialData name. */
export interface DialArrays {
  images: Uint8Array | null;
  noise: Float32Array;
  points: Float32Array | null;
  colours: Uint8Array | null;
}

/** A picture of the dial. */
export interface Cell {
  canvas: HTMLCanvasElement;
  image: ImageData;
  /** painted at another β than the dial's */
  old: boolean;
  /** a worker is at it */
  busy: boolean;
  /** in view */
  seen: boolean;
  source: DialSource | null;
}
