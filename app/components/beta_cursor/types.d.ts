import type { Palette } from "../shared/types.js";

/** What the page hands over; see __init__.py. */
export interface CursorData {
  sweep: string;
  labels: string[];
  words: string[];
  at: string;
  link: number;
  charts: Record<string, ChartPlaces>;
  palette: Palette;
}

/**
 * Where marks stand in a chart, a place per β: on a point, upright at x, or around a column of a category
 * axis.
 */
export type ChartPlaces =
  | { kind: "point"; x: number[]; y: number[] }
  | { kind: "line"; x: number[]; y: null }
  | { kind: "column"; x: string[]; y: null };

/**
 * What of a plotly chart's element is used here. Its axes count in pixels of the plot, which begins at
 * `_offset`.
 */
export interface PlotlyChart extends HTMLElement {
  on?(event: string, listener: (event: ClickEvent) => void): void;
  removeListener?(event: string, listener: (event: ClickEvent) => void): void;
  _fullLayout?: { xaxis?: PlotlyAxis; yaxis?: PlotlyAxis };
}

export interface ClickEvent {
  points?: { x: unknown; y: unknown }[];
}

export interface PlotlyAxis {
  _offset: number;
  _length: number;
  /** data -> pixels */
  d2p(value: unknown): number;
  /** numbers of a linear scale, such as a category's, -> pixels */
  l2p(value: number): number;
}

/** A mark in a chart, and what it hears there. */
export interface Mark {
  key: string;
  chart: PlotlyChart;
  shape: HTMLElement;
  redraw: () => void;
  click: (event: ClickEvent) => void;
}
