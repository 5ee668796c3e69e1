import type { Palette } from "../shared/types.js";

/** What the page hands over; see __init__.py. */
export interface LiveData {
  runs: RunName[];
  state: string;
  plotly: string;
  palette: Palette;
}

/** A run and what its objective declares. `dial` is a β dial's span of β in words, "" where β is one. */
export interface RunName {
  id: string;
  name: string;
  dial: string;
  /** whether images have codes, of which dimensions may be active */
  encoder: boolean;
  terms: Term[];
  coefficients: Coefficient[];
}

/** A named number of the loss. `weight`: its coefficient's name, "" for 1, null where it is only shown. */
export interface Term {
  name: string;
  label: string;
  title: string;
  unit: string;
  weight: string | null;
  help: string;
  chart: string;
}

/** A number of the loss that may change while a run learns, by hand if `live`. `unit` is "" for a factor. */
export interface Coefficient {
  name: string;
  symbol: string;
  unit: string;
  help: string;
  live: boolean;
}

/** Terms by name, in their units; `parts` is what each adds to the loss. */
export interface Terms {
  loss: number;
  objective: number;
  values: Record<string, number | null>;
  parts: Record<string, number | null>;
  kl_per_dim: number[];
}

/** Terms as a line holds them: lines of earlier versions have distortion and rate alone. */
export interface WrittenTerms extends Partial<Terms> {
  loss: number;
  objective: number;
  kl_per_dim: number[];
  distortion?: number;
  rate?: number | null;
}

/** Lines of events.jsonl as they are drawn (see record.js); further kinds pass unread. */
export type Line = StepLine | EpochLine | SnapshotLine | ControlledLine | ResumedLine | MarkLine;

export interface StepLine {
  event: "step";
  step: number;
  epoch: number;
  terms: Terms;
  coefficients: Record<string, number | null>;
  learning_rate: number;
  images_per_second: number;
}

export interface EpochLine {
  event: "epoch";
  step: number;
  epoch: number;
  train: Terms;
  validation: Terms;
  active_units: number | null;
}

/** A line as vae_core.events writes it, or wrote it. */
export type WrittenLine = MarkLine | ControlledLine | ResumedLine | SnapshotLine | WrittenStep | WrittenEpoch;

export interface WrittenStep extends Omit<StepLine, "terms" | "coefficients"> {
  terms: WrittenTerms;
  coefficients?: Record<string, number | null>;
  beta?: number | null;
  capacity?: number | null;
}

export interface WrittenEpoch extends Omit<EpochLine, "train" | "validation"> {
  train: WrittenTerms;
  validation: WrittenTerms;
}

/** File names of picture strips in the run's folder. */
export interface SnapshotLine {
  event: "snapshot";
  step: number;
  epoch: number;
  originals: string;
  reconstructions: string | null;
  samples: string;
  traversal: string;
  dims: number[];
}

export interface MarkLine {
  event: "checkpoint";
  step: number;
}

/** `control` is the last request that what was gone on from knows of; missing in earlier versions. */
export interface ResumedLine {
  event: "resumed";
  step: number;
  control?: number | null;
}

/** A person's request, taken up after `step`. */
export interface ControlledLine {
  event: "controlled";
  step: number;
  number: number;
  command: string;
  value: number | null;
}

export interface Status {
  state: string;
  note?: string;
  live: boolean;
  progress: number;
  step: number;
  steps_total: number;
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
  /** points since the last step of the record, while the run learns */
  live?: WrittenStep[];
  lines: WrittenLine[];
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
