// What the formatter leaves alone: no line of a script longer than 110 characters, no file longer than 400 lines.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MOST = { letters: 110, lines: 400 };
const FOLDERS = ["../../app/components", "../../tests/js"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

const faults = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|d\.ts)$/.test(name))
    .flatMap((name) => {
      const lines = readFileSync(join(folder, name), "utf8").split("\n");
      const found = lines.flatMap((line, i) =>
        [...line].length > MOST.letters ? [`${name}:${i + 1} is longer than ${MOST.letters} characters`] : [],
      );
      return lines.length > MOST.lines + 1 ? [...found, `${name} is longer than ${MOST.lines} lines`] : found;
    }),
);
console.log(faults.join("\n") || `no line beyond ${MOST.letters} characters, no file beyond ${MOST.lines} lines`);
process.exit(faults.length ? 1 : 0);
