/** Types that the scripts share. Nothing here runs; `npm run check` in .config/js reads it. */

/** What Streamlit hands a component's script at every run of the page's own. */
export interface Component<Data> {
  data: Data;
  parentElement: Element | ShadowRoot;
  /** Told to the page and kept in its session state. */
  setStateValue(name: string, value: unknown): void;
  /** Told to the page for one run. */
  setTriggerValue(name: string, value: unknown): void;
}

/** The part of `Component` that talks to the page. */
export type Page = Pick<Component<unknown>, "setStateValue" | "setTriggerValue">;

/** The colours of app.plots.palette, as hexadecimal text. */
export interface Palette {
  categorical: string[];
  viridis: string[];
  /** what stands for "here": a cursor, the chosen image, a warning */
  mark: string;
  /** what is not in use */
  faded: string;
  /** points without a value */
  none: string;
}

/** Numbers in `floats` that a layer takes stand from its offsets on; sides and channels are counts. */
export type Layer =
  | { kind: "linear"; inputs: number; outputs: number; weight: number; bias: number }
  | Convolution
  | Gate
  | Norm
  | { kind: "residual"; layers: Layer[] }
  | { kind: "relu" }
  | { kind: "silu" }
  | { kind: "sigmoid" };

/**
 * 4×4, stride 2, padding 1: `down` halves the side, `up` (transposed) doubles it. Weights are (4, 4, inputs,
 * outputs). `conv` is of stride 1 by an odd kernel, `size` across, and keeps the side; its weights are (size,
 * size, inputs, outputs).
 */
export interface Convolution {
  kind: "up" | "down" | "conv";
  inputs: number;
  outputs: number;
  side: number;
  size?: number;
  weight: number;
  bias: number;
}

/** Group normalisation, `groups` of neighbouring channels. */
export interface Norm {
  kind: "norm";
  channels: number;
  groups: number;
  epsilon: number;
  weight: number;
  bias: number;
}

/** Scales and shifts each unit by polynomials of log β; see vae_core's BrowserDial. */
export interface Gate {
  kind: "gate";
  units: number;
  degree: number;
  scale: number;
  shift: number;
}

export interface PictureSize {
  width: number;
  height: number;
  channels: number;
}

/** What the page knows of a run's decoder; no layers where the server decodes, `batch` codes at a time. */
export interface Header extends PictureSize {
  stamp: string;
  latent_dim: number;
  floats: number;
  layers: Layer[];
  batch: number;
  /** why the server decodes, where it does */
  why?: string;
}

/** Both networks of a β dial, whose β goes from `lowest` to `highest`. */
export interface DialHeader extends PictureSize {
  stamp: string;
  latent_dim: number;
  floats: number;
  encoder: Layer[];
  decoder: Layer[];
  lowest: number;
  highest: number;
  /** of log β: a gate sees (log β - middle) / reach */
  middle: number;
  reach: number;
}

/** A latent code: `latent_dim` numbers. */
export type Code = number[] | Float32Array;
