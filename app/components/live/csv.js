/** @import { Line } from "./types.js" */

const HEAD = [
  ...["event", "step", "epoch", "split", "loss", "distortion", "rate", "objective"],
  ...["beta", "learning_rate", "images_per_second", "active_units"],
];

/**
 * The curves of a run as CSV: a row per logged step, and two per epoch, of either split. What does not apply
 * is empty.
 *
 * @param {Line[]} lines
 */
export function toCsv(lines) {
  /** @type {(string | number | null)[][]} */
  const rows = [HEAD];
  for (const line of lines) {
    if (line.event === "step") {
      const { loss, distortion, rate, objective } = line.terms;
      const terms = [loss, distortion, rate, objective];
      const speed = [line.beta, line.learning_rate, line.images_per_second];
      rows.push(["step", line.step, line.epoch, "train", ...terms, ...speed, ""]);
    } else if (line.event === "epoch") {
      for (const split of /** @type {const} */ (["train", "validation"])) {
        const { loss, distortion, rate, objective } = line[split];
        const terms = [loss, distortion, rate, objective];
        rows.push(["epoch", line.step, line.epoch, split, ...terms, "", "", "", line.active_units]);
      }
    }
  }
  return `${rows.map((row) => row.map((v) => v ?? "").join(",")).join("\n")}\n`;
}
