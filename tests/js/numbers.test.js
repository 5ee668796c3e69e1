import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { numberText, valueText } from "../../app/components/shared/numbers.js";

test("numbers are said as Python says them", () => {
  const cases = JSON.parse(readFileSync(new URL("numbers.json", import.meta.url), "utf8"));
  for (const [value, digits, text] of cases) assert.equal(numberText(value, digits), text);
  assert.equal(numberText(Number.NaN), "–");
});

test("a value is said with its word", () => {
  const smile = { low: "sad", high: "laughing" };
  assert.equal(valueText(0.9312, smile, 2), "0.93, laughing");
  assert.equal(valueText(0.5, smile, 2), "0.5");
  assert.equal(valueText(0.00823, smile, 2), "0.01, sad");
  assert.equal(valueText(3, { low: "left", high: "right", top: 31 }, 2), "3, left");
  assert.equal(valueText(2, { each: ["0°", "9°", "18°"] }), "18°");
  assert.equal(valueText(7, { each: ["0°", "9°", "18°"] }), "7");
  assert.equal(valueText(Number.NaN, smile), "–");
});
