// What the page says of the draft: it is being saved, it was saved some time ago, or it could not be saved.

import { $ } from "../elements.js";
import { form } from "./builder_form.js";

let savedAt = 0; // on the clock of `performance.now()`

export function showSaving() {
  const state = $("#draft-state > span");
  if (state?.dataset.saving) state.textContent = state.dataset.saving;
}

export function showFailure() {
  const state = $("#draft-state");
  if (state) state.textContent = form.dataset.failed ?? "";
}

export function noteSave() {
  savedAt = performance.now();
}

/** @param {number} seconds */
function showAge(seconds) {
  const saved = $("#draft-state [data-saved]");
  if (!saved) return;
  const texts = saved.dataset;
  if (seconds < 2) saved.textContent = texts.now ?? "";
  else if (seconds < 60) saved.textContent = (texts.seconds ?? "").replace("{n}", String(seconds));
  else if (seconds < 3600) saved.textContent = (texts.minutes ?? "").replace("{n}", String(Math.floor(seconds / 60)));
}

/**
 * Keeps the age of the last save true, except during a save.
 * @param {() => boolean} isBusy
 */
export function watchAge(isBusy) {
  const saved = $("[data-saved]");
  savedAt = performance.now() - (saved ? Math.max(Date.now() - Number(saved.dataset.saved) * 1000, 0) : 0);
  setInterval(() => {
    if (!isBusy()) showAge(Math.round((performance.now() - savedAt) / 1000));
  }, 1000);
}
