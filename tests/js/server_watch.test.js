import assert from "node:assert/strict";
import { test } from "node:test";
import { notice } from "../../app/components/server_watch/words.js";

test("on this machine, the command that starts the server is named", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    const { head, command } = notice(host, "latent-explorer --port 9000");
    assert.equal(head, "Latent Explorer has ended.");
    assert.equal(command, "latent-explorer --port 9000");
  }
});

test("elsewhere, the network may be gone, and no command is given away", () => {
  for (const host of ["lab.example", "127.0.0.1.evil.example", "192.168.0.7"]) {
    const { head, remedy, command } = notice(host, "latent-explorer --home /home/teacher");
    assert.equal(head, `${host} does not answer.`);
    assert.match(remedy, /network/);
    assert.equal(command, "");
  }
});
