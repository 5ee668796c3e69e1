import type { Palette } from "../shared/types.js";

/** What the page hands over; see __init__.py. `dial` is a β dial's span of β in words, "" where β is one. */
export interface LiveData {
  runs: RunName[];
  state: string;
  plotly: string;
  palette: Palette;
}

export interface RunName {
  id: string;
  name: string;
  dial: string;
}

/** Terms of the objective, nats per image; `rate` is null where there is none. */
export interface Terms {
  loss: number;
  distortion: number;
  rate: number | null;
  objective: number;
  kl_per_dim: number[];
  /** those of the record's format 2, by name */
  values?: Record<string, number>;
}

/** Lines of events.jsonl, as vae_core.events writes them; further kinds pass unread. */
export type Line = StepLine | EpochLine | SnapshotLine | MarkLine;

export interface StepLine {
  event: "step";
  step: number;
  epoch: number;
  terms: Terms;
  beta: number;
  learning_rate: number;
  images_per_second: number;
  /** weights of terms, by name */
  coefficients?: { beta?: number; gamma?: number };
}

export interface EpochLine {
  event: "epoch";
  step: number;
  epoch: number;
  train: Terms;
  validation: Terms;
  active_units: number;
}

/** File names of picture strips in the run's folder. */
export interface SnapshotLine {
  event: "snapshot";
  step: number;
  epoch: number;
  originals: string;
  reconstructions: string;
  samples: string;
  traversal: string;
  dims: number[];
}

export interface MarkLine {
  event: "checkpoint" | "resumed";
  step: number;
}

export interface Status {
  state: string;
  note?: string;
  live: boolean;
  progress: number;
  epoch: number;
  epochs: number;
  images_per_second: number;
  eta: number | null;
  error: string;
}

export interface Advice {
  fault: string;
  remedy: string;
}

/** An answer of /api/runs/RUN/events. */
export interface Events {
  log: string;
  name: string;
  status: Status;
  advice: Advice[];
  lines: Line[];
  next: number;
  more: boolean;
}

/** A trace or layout of plotly.js, whose own types are larger than all of this. */
export type PlotlyPart = Record<string, unknown>;

export interface ChartElement extends HTMLElement {
  data?: unknown;
}

export interface Plotly {
  react(element: HTMLElement, traces: PlotlyPart[], layout: PlotlyPart, config: PlotlyPart): void;
  purge(element: HTMLElement): void;
  Plots: { resize(element: HTMLElement): void };
}

declare global {
  interface Window {
    Plotly?: Plotly;
  }
}
