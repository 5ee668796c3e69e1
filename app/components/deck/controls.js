import { finder } from "../shared/dom.js";
import { gaussian, packCode } from "../shared/latent.js";

/** @import { Deck } from "./deck.js" */
/** @typedef {{ x: number, y: number, code: number[] }} Drag where it began, and from which code */

/**
 * Wires the deck's buttons, keys and pointers.
 *
 * @param {Deck} deck
 * @returns {() => void} what takes back that which outlives the component's own elements
 */
export function wireControls(deck) {
  wireButtons(deck);
  wireCompare(deck);
  wireKeys(deck);
  wireDrag(deck);
  return wireHold(deck);
}

/** @param {Deck} deck */
function wireButtons(deck) {
  const at = finder(deck.root);
  for (const [name, act] of Object.entries(actionsOf(deck))) {
    at(`[data-do=${name}]`).onclick = () => {
      if (deck.opened) act();
    };
  }
}

/** @param {Deck} deck @returns {Record<string, () => void>} what each button does */
function actionsOf(deck) {
  const shown = () => deck.shown ?? deck.code;
  return {
    random: () => deck.jump(deck.code.map(() => gaussian(Math.random))),
    image: () => jumpToImage(deck),
    play: () => deck.walk.toggle(),
    undo: () => deck.undo(),
    redo: () => deck.redo(),
    reset: () => deck.jump(deck.home(), deck.shelves.stepsAtPin()),
    zero: () => deck.jump(deck.code.map(() => 0)),
    mark: () => deck.shelves.bookmark(),
    pin: () => deck.shelves.pin(),
    sigma: () => deck.encoded.toggleSigma(),
    json: () => copy(deck, JSON.stringify(shown()), "The code as JSON was"),
    python: () => copy(deck, pythonOf(deck, shown()), "Python lines were"),
    link: () => {
      const url = new URL(location.href);
      url.searchParams.set("run", deck.given.run);
      url.searchParams.set("z", packCode(shown()));
      copy(deck, url.href, "The link was");
    },
    waypoint: () => {
      const sent = { run: deck.given.run, z: packCode(shown()), at: Date.now() };
      deck.page?.setStateValue("waypoint", sent);
    },
    samples: () => deck.gallery.renew(),
    sheet: () => deck.gallery.download(),
    clear: () => deck.drawing.clear(),
  };
}

/** @param {Deck} deck */
function jumpToImage(deck) {
  const { cloud } = deck.trust;
  if (!cloud) return deck.say("No codes of images are known yet.");
  const i = Math.floor(Math.random() * cloud.count);
  const dims = cloud.latent_dim;
  deck.jump(Array.from(cloud.points.subarray(i * dims, (i + 1) * dims)));
}

/**
 * Lines that make the picture in Python.
 *
 * @param {Deck} deck
 * @param {number[]} code
 */
function pythonOf({ given: { name, home } }, code) {
  const where = home ? `, home=${JSON.stringify(home)}` : "";
  return [
    "import vae_core as vc",
    "",
    `run = vc.load(${JSON.stringify(name)}${where})`,
    `image = run.decode([${code.join(", ")}])[0]  # (channels, height, width) in [0, 1]`,
    "",
  ].join("\n");
}

/** @param {Deck} deck @param {string} text @param {string} what */
async function copy(deck, text, what) {
  try {
    await navigator.clipboard.writeText(text);
    deck.say(`${what} copied.`);
  } catch {
    // no clipboard without a secure address: leave it selected for the person to copy
    const area = deck.at(".copy", HTMLTextAreaElement);
    Object.assign(area, { value: text, hidden: false });
    area.select();
    deck.say("This browser lets no page copy: the marked text is for you to copy.");
  }
}

/** @param {Deck} deck */
function wireCompare(deck) {
  const button = deck.at("[data-do=compare]");
  const end = () => deck.encoded.compare(false);
  button.onpointerdown = (event) => {
    button.setPointerCapture(event.pointerId);
    deck.encoded.compare(true);
  };
  button.onpointerup = button.onpointercancel = button.onblur = button.onkeyup = end;
  button.onkeydown = (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    deck.encoded.compare(true);
  };
}

/** @param {EventTarget | null} target */
const isSlider = (target) => target instanceof Element && target.matches(".slider input[type=range]");

/** @param {Deck} deck */
function wireKeys(deck) {
  const { root } = deck;
  root.addEventListener("keydown", (found) => {
    const event = /** @type {KeyboardEvent} */ (found);
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    const { target } = event;
    if (target instanceof HTMLInputElement && (target.type === "text" || target.type === "number")) return;
    event.preventDefault();
    if (event.shiftKey) deck.redo();
    else deck.undo();
  });
  root.addEventListener("keyup", ({ target }) => {
    if (isSlider(target)) deck.endGesture();
  });
}

/**
 * While a hand is on the deck nothing but the large picture is decoded.
 *
 * @param {Deck} deck
 */
function wireHold(deck) {
  deck.root.addEventListener("pointerdown", ({ target }) => {
    deck.held = true;
    if (isSlider(target)) deck.walk.halt();
  });
  const release = () => {
    if (!deck.held) return;
    deck.held = false;
    deck.endGesture();
  };
  addEventListener("pointerup", release);
  addEventListener("pointercancel", release);
  return () => {
    removeEventListener("pointerup", release);
    removeEventListener("pointercancel", release);
  };
}

/**
 * Dragging on the picture moves the two dimensions that were picked.
 *
 * @param {Deck} deck
 */
function wireDrag(deck) {
  const { canvas, sliders } = deck;
  /** @type {Drag | null} */
  let drag = null;
  canvas.onpointerdown = (event) => {
    if (!deck.opened) return;
    deck.walk.halt();
    canvas.setPointerCapture(event.pointerId);
    drag = { x: event.clientX, y: event.clientY, code: deck.code };
  };
  canvas.onpointermove = (event) => {
    if (!drag) return;
    const box = canvas.getBoundingClientRect();
    const from = drag.code;
    const code = [...from];
    const moved = [(event.clientX - drag.x) / box.width, (drag.y - event.clientY) / box.height];
    deck.picks.forEach((select, k) => {
      const dim = Number(select.value);
      const [low, high] = sliders.limits(dim);
      if (!sliders.locked.has(dim)) code[dim] = sliders.step(dim, from[dim], moved[k] * (high - low));
    });
    deck.beginGesture();
    deck.goAlong(code);
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    drag = null;
  };
}
