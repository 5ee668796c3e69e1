import type { Header, Palette } from "../shared/types.js";

/** What the page hands over; see __init__.py. */
export interface DeckData {
  run: string;
  name: string;
  home: string;
  header: Header;
  /** per dimension, nats; empty where there is none */
  kl: number[];
  order: number[];
  collapsed: number[];
  /** per dimension: what its slider changes most, and the share of it, 0 to 1; empty where not known */
  effects: [string, number][];
  /** what the run was told besides its images */
  told: "" | "guided" | "pairs";
  /** to begin with, once the data's is known */
  range: "prior" | "data";
  /** where the data's codes end, of codes that are kept; null where it is read with the images */
  span: Span | null;
  encoded: EncodedData | null;
  open: { key: string; code: number[] } | null;
  marks: { names: Record<string, string>; bookmarks: number[][]; kept: { page: string; n: number } };
  /** why names and bookmarks are not kept; empty where they are */
  refuses: string;
  /** may be drawn */
  grey: boolean;
  /** whether there is one to draw from */
  prior: boolean;
  palette: Palette;
}

/** The encoded image that the sliders set out from. A drawing has no key and carries its picture along. */
export interface EncodedData {
  key?: string;
  stamp?: string;
  code: number[];
  std: number[] | null;
  words: string;
  note?: string;
  picture?: string | null;
  image?: ImageData;
}

/** A change of the names or bookmarks, numbered, as vae_core's change_marks takes it. */
export type Change = { n: number } & NewChange;
export type NewChange =
  | { do: "add"; code: number[] }
  | { do: "remove"; code: number[] }
  | { do: "name"; dim: number; name: string };

/** Where the data's codes end per dimension. */
export interface Span {
  low: number[];
  high: number[];
}

/** What is known of the images' codes: the header of app.services.neighbours.CodeSample. */
export interface CloudHeader extends Span {
  wait?: boolean;
  version: string;
  latent_dim: number;
  /** of the aggregate posterior */
  mean: number[];
  /** rows of a matrix that takes z - mean to unit covariance */
  whiten: number[][];
  /** of the Mahalanobis distance, at 0 ... 100 % */
  quantiles: number[];
  /** two principal directions */
  axes: number[][];
  names: string[];
  what: string;
  /** how many images there are */
  known: number;
  /** whether they are on this machine */
  images: boolean;
}
