/** @import { Terms } from "./types.js" */
/** @import { RunRecord } from "./record.js" */

/**
 * The curves of a run as CSV: a row per logged step, and two per epoch, of either split. Terms that a
 * coefficient weighs stand twice: as they are, and as what they add to the loss. What does not apply is
 * empty.
 *
 * @param {RunRecord} run
 */
export function toCsv(run) {
  const terms = run.terms.map(({ name }) => name);
  const weighed = run.terms.filter(({ weight }) => weight).map(({ name }) => name);
  const coefficients = run.coefficients.map(({ name }) => name);
  const numbers = (/** @type {Terms} */ of) => [
    of.loss,
    of.objective,
    ...terms.map((name) => of.values[name]),
    ...weighed.map((name) => of.parts[name]),
  ];
  /** @type {(string | number | null | undefined)[][]} */
  const rows = [
    [
      ...["event", "step", "epoch", "split", "loss", "objective", ...terms],
      ...[...weighed.map((name) => `weighed_${name}`), ...coefficients],
      ...["learning_rate", "images_per_second", "active_units"],
    ],
  ];
  for (const line of run.lines) {
    if (line.event === "step") {
      const weights = coefficients.map((name) => line.coefficients[name]);
      const speed = [line.learning_rate, line.images_per_second];
      rows.push(["step", line.step, line.epoch, "train", ...numbers(line.terms), ...weights, ...speed, ""]);
    } else if (line.event === "epoch") {
      const none = coefficients.map(() => "");
      for (const split of /** @type {const} */ (["train", "validation"])) {
        const means = numbers(line[split]);
        rows.push(["epoch", line.step, line.epoch, split, ...means, ...none, "", "", line.active_units]);
      }
    }
  }
  return `${rows.map((row) => row.map((v) => v ?? "").join(",")).join("\n")}\n`;
}
