// What a person has answered, in this browser alone. Nothing of it is sent anywhere.

const KEY = "latent-explorer-lessons";

/**
 * @typedef {{ answer: string, right: boolean }} Given
 * @typedef {Record<string, Given>} Progress by "lesson.step"
 */

/** @type {Progress} what was answered in this visit, for a browser that keeps nothing */
let visit = {};

/** @returns {Progress} */
export function readProgress() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? JSON.stringify(visit));
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return visit; // no storage, as in a private window, or nothing that can be read
  }
}

/**
 * @param {number} lesson
 * @param {number} step
 * @param {Given} given
 * @returns {Progress}
 */
export function noteAnswer(lesson, step, given) {
  const all = { ...readProgress(), [`${lesson}.${step}`]: given };
  visit = all;
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // it is told for this visit alone
  }
  return all;
}

/**
 * @param {Progress} progress
 * @param {number} [lesson] all where none is given
 */
export function tally(progress, lesson) {
  const own = Object.entries(progress).filter(([key]) => !lesson || key.startsWith(`${lesson}.`));
  return { given: own.length, right: own.filter(([, { right }]) => right).length };
}

export function clearProgress() {
  visit = {};
  try {
    localStorage.removeItem(KEY);
  } catch {
    // there was none
  }
}

/** @param {Progress} progress @param {{ number: number, title: string, steps: number }[]} lessons */
export function exported(progress, lessons) {
  const found = lessons.map(({ number, title, steps }) => ({
    lesson: number,
    title,
    screens: steps,
    ...tally(progress, number),
  }));
  return JSON.stringify({ lessons: found, answers: progress }, null, 2);
}
