/** Types of the lessons. Nothing here runs. */

import type { Header, Palette } from "../shared/types.js";

/** An array as the page publishes it. */
export interface Published {
  url: string;
  shape: number[];
  kind: "<f4" | "<i4" | "u1";
}

export interface Question {
  text: string;
  /** the key of the right answer; empty where the figure finds out */
  truth: string;
  said: string;
  answers: { key: string; text: string }[];
}

export interface Step {
  title: string;
  text: string[];
  figure: string;
  data: unknown;
  do: string;
  kind: "predict" | "read";
  question: Question;
}

export interface Role {
  run: string;
  header: Header;
}

export interface Entry {
  number: number;
  title: string;
  aim: string;
  minutes: number;
  steps: number;
}

export interface LessonData {
  palette: Palette;
  lessons: Entry[];
  number: number;
  step: number;
  present: boolean;
  height: string;
  steps: Step[];
  sources: { text: string; url: string }[];
  exercise: string;
  remark: string;
  opens: { href: string; label: string };
  runs: Record<string, Role>;
}

/** What a figure is handed. */
export interface Tools<Data> {
  data: Data;
  runs: Record<string, Role>;
  palette: Palette;
  /** Tells what goes wrong or is waited for, "" when all is well. */
  say(text: string): void;
  /** Says that the person has done what was asked; with the right answer where only the figure knows it. */
  did(outcome?: { truth: string; said: string }): void;
}

/** Codes of a run as figures draw them; arrays have a row an image. */
export interface Codes {
  role: string;
  dims: [number, number];
  mean: Published;
  std: Published;
  labels: Published;
}

/** One figure on a screen. It is made locked; `unlock` once an answer was given. */
export interface Figure {
  unlock(): void;
  stop(): void;
}
