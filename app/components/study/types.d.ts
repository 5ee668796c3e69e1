import type { Palette } from "../shared/types.js";

export type Value = number | string | boolean | null;

/** A setting that the study searches. */
export interface Field {
  name: string;
  title: string;
  unit: string;
  log: boolean;
  kind: "number" | "choice";
  /** what may be chosen, of a choice or a grid */
  values: (number | string | boolean)[] | null;
  low: number | null;
  high: number | null;
}

/** A number that runs are told apart by. */
export interface Measure {
  name: string;
  title: string;
  unit: string;
  direction: "min" | "max" | "";
  /** what is best near it, neither small nor large */
  target?: number | null;
}

/** A sheet of `across` × `down` pictures, of which `one` is shown before one zooms. */
export interface Picture {
  url: string;
  width: number;
  height: number;
  across?: number;
  down?: number;
  one?: [number, number];
}

export type State = "waiting" | "training" | "measuring" | "finished" | "pruned" | "stopped" | "failed";

export interface Trial {
  number: number;
  run: string;
  title: string;
  seed: number;
  values: Record<string, Value>;
  numbers: Record<string, number | null>;
  state: State;
  why: string;
  /** 0 to 1 */
  progress: number;
  curve: { name: string; epoch: number[]; value: (number | null)[] } | null;
  front: boolean;
  pictures: Record<string, Picture | null>;
}

/** What the page hands over; see __init__.py. */
export interface StudyData {
  name: string;
  fields: Field[];
  goals: Measure[];
  numbers: Measure[];
  trials: Trial[];
  best: number | null;
  /** what one may ask of a trial: name -> label */
  asks: Record<string, string>;
  /** CSS length: how high the component stands beside the rest of the page */
  height: string;
  palette: Palette;
}

/** A field or a number as charts and the matrix see it. */
export interface Axis {
  id: string;
  title: string;
  unit: string;
  kind: "number" | "choice";
  log: boolean;
  better: "min" | "max" | "";
  field: boolean;
  values: (number | string | boolean)[] | null;
  /** ends of the scale, of numbers */
  low: number;
  high: number;
  of(trial: Trial): Value;
  /** 0 to 1 along the scale, null where there is no such place */
  place(value: Value): number | null;
  text(value: Value): string;
}

export interface Bin {
  label: string;
  has(value: Value): boolean;
}

/** A cell of the matrix: the trial shown, those it was chosen from, and what it says. */
export interface Cell {
  shown: number;
  /** trials here, and how many of them are not filtered away */
  count: number;
  kept: number;
  /** what an empty cell waits for */
  words: string;
}

/** From and to, as places along an axis, by the axis's id. */
export type Brushes = Map<string, [number, number]>;

/** A part of the component that follows the cursor and the selection. */
export interface View {
  draw(): void;
  /** The cursor went from one trial to another; -1 is none. */
  point(before: number, now: number): void;
  /** The brush or the chosen trial changed. */
  mark(): void;
}
