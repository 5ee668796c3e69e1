import type { Palette } from "../shared/types.js";

export interface PictureRow {
  name: string;
  ours: boolean;
  frames: string[];
  notes: string[];
  count: number;
  side: number;
}

export interface Line {
  name: string;
  ours: boolean;
  x: number[];
  y: (number | null)[];
  low: (number | null)[] | null;
  high: (number | null)[] | null;
}

export interface Bars {
  name: string;
  edges: number[];
  heights: number[];
}

export interface Chart {
  title: string;
  x: string;
  y: string;
  at: number[];
  ticks?: string[];
  lines: Line[];
  bars: Bars[];
}

export interface ScrubData {
  name: string;
  title: string;
  labels: string[];
  start: number;
  rows: PictureRow[];
  chart: Chart | null;
  table: { columns: string[]; rows: string[][][] } | null;
  palette: Palette;
}
