import * as tools from "../shared/decoder.js";
import { makePad } from "../shared/pad.js";
import { mounted } from "../shared/mount.js";

// One instance per place on the page; a rerun of the script only hands it new data.

export default mounted((root) => new DrawingPad(root), (pad, component) => pad.show(component.data, component));

class DrawingPad {
  constructor(root) {
    this.at = (selector) => root.querySelector(selector);
    this.sheet = this.at(".sheet");
    this.alive = true;
    this.meant = null;  // the place of the row that what was drawn since the last report is meant for
    this.sheet.addEventListener("pointerdown", () => { this.meant = this.data.place; });
    this.at("button").onclick = () => this.clear();
  }

  stop() {
    this.alive = false;
    clearTimeout(this.asking);
    this.pad?.close(); this.picture?.close();
  }

  show(data, tell) {
    const before = this.data;
    this.data = data; this.tell = tell;
    if (before && before.run !== data.run) this.clear();
    if (!before || before.run !== data.run || before.header.stamp !== data.header.stamp) this.open();
  }

  // a drawing that was taken up stays a station, so that nothing is owed to the page any more
  clear() {
    this.meant = null; this.found = null;
    this.pad?.clear();
    const back = this.at(".back");
    back.getContext("2d").clearRect(0, 0, back.width, back.height);
    this.say("");
  }

  say(text) { this.at(".say").textContent = text; }

  async open() {
    this.picture?.close();
    this.picture = null;
    const { run, header } = this.data, turn = (this.turn = (this.turn || 0) + 1);
    try {
      this.pad ??= makePad({
        tools, canvas: this.sheet, seen: this.at(".seen"),
        weights: () => ({ run: this.data.run, stamp: this.data.header.stamp }),
        answered: (found) => { this.say(""); this.found = found; this.draw(); },
        rested: (found) => this.report(found),
        refused: (error) => this.refused(error),
      });
      const picture = await tools.openPicture({ run, header, canvas: this.at(".back"), say: (text) => this.say(text) });
      if (!this.alive || turn !== this.turn) return picture.close();
      this.picture = picture;
      picture.onrefused = (error) => this.refused(error);
      this.say("");
      // of other weights than these: what was drawn is encoded anew
      if (this.meant !== null || this.found && this.found.stamp !== header.stamp) this.pad.encode();
      else this.draw();
    } catch (error) {
      if (this.alive && turn === this.turn) this.refused(error);
    }
  }

  // its code as the server encoded it, decoded: what the station will be
  draw() {
    if (this.found?.stamp === this.data.header.stamp) this.picture?.draw(Float32Array.from(this.found.mean));
  }

  report({ run, stamp, mean, width, height, channels, picture }) {
    if (this.meant === null) return;
    this.tell.setTriggerValue("drawn", { run, stamp, place: this.meant, code: mean, width, height, channels, picture });
    this.meant = null;
  }

  refused(error) {
    if (error.status === 404) this.say("This run was deleted. Choose another one in the sidebar.");
    else if (error.status === 410) tools.outdated(this);
    else this.say(`The drawing could not be encoded: ${error.message}.`);
  }
}
