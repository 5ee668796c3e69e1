import assert from "node:assert/strict";
import { test } from "node:test";
import { onItsWay, weightsOf } from "../../app/components/shared/requests.js";

/** @type {(text: string) => void} */
const never = (text) => assert.fail(`said ${text}`);

test("weights that come at once are not talked of", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  assert.equal(await onItsWay(Promise.resolve(7), "They", never), 7);
  t.mock.timers.tick(60_000);
});

test("weights that take longer are told of until they are there", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {string[]} */
  const said = [];
  /** @type {(found: number) => void} */
  let arrive = () => {};
  const coming = onItsWay(new Promise((resolve) => (arrive = resolve)), weightsOf(425_000), (text) =>
    said.push(text),
  );
  t.mock.timers.tick(999);
  assert.deepEqual(said, []);
  t.mock.timers.tick(1);
  assert.deepEqual(said, ["The network's 1.7 MB are on their way …"]);
  arrive(7);
  assert.equal(await coming, 7);
  assert.equal(said.at(-1), "");
});

test("of weights that fail, whoever waits says why", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await assert.rejects(onItsWay(Promise.reject(new Error("gone")), "They", never), /gone/);
  t.mock.timers.tick(60_000);
});
