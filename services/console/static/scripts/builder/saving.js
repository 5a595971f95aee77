// Saving the draft while somebody types. One save at a time: each is based on the revision that the one before it made.

import { $, $$ } from "../elements.js";
import { form, press } from "./builder_form.js";
import { restoreFocus } from "./field_focus.js";
import { reloadPreview } from "./preview.js";
import { noteSave, showFailure, showSaving, watchAge } from "./saving_state.js";

const SAVE_DELAY = 600; // ms after the last key
const RETRY_DELAY = 5000; // ms after a save that failed

let timer = 0;
let isBusy = false;
let isDirty = false;
/** @type {string | undefined} */
let revisionBefore;
/** @type {(() => void)[]} */
let waiting = []; // what to do once nothing is being saved

const revision = () => /** @type {HTMLInputElement | null} */ ($("input[name=revision]", form))?.value;

// After a conflict nothing is saved until the reader has chosen.
const isStopped = () => form.hasAttribute("data-stopped");

/** @param {number} delay in ms */
function saveLater(delay) {
  timer = window.setTimeout(save, delay);
}

function noteChange() {
  isDirty = true;
  clearTimeout(timer);
  saveLater(SAVE_DELAY);
}

function save() {
  if (isDirty && !isBusy && !isStopped()) form.dispatchEvent(new Event("autosave"));
}

/**
 * A button that is pressed during a save waits for its end.
 * @param {SubmitEvent} event
 */
function holdSubmit(event) {
  if (!isBusy) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  waiting.push(() => press(submitter instanceof HTMLButtonElement ? submitter.value : "save"));
}

/**
 * Another form of the page is sent once everything is saved.
 * @param {SubmitEvent} event
 * @param {HTMLFormElement} other
 */
function sendAfterSave(event, other) {
  if (!isBusy && !isDirty) return;
  event.preventDefault();
  waiting.push(() => other.requestSubmit());
  save();
}

function beginSave() {
  clearTimeout(timer);
  isBusy = true;
  isDirty = false;
  revisionBefore = revision();
  showSaving();
}

/** @param {number} status of the answer, 0 if there is none */
function endSave(status) {
  isBusy = false;
  if (status !== 200) return failSave();
  form.toggleAttribute("data-stopped", Boolean($("#draft-problems .banner-bad [value=force]")));
  if (revision() !== revisionBefore) {
    noteSave();
    reloadPreview();
  }
  restoreFocus();
  markInvalid();
  const next = waiting.shift();
  if (next) next();
  else if (isDirty) noteChange();
  return undefined;
}

function failSave() {
  waiting = [];
  isDirty = true;
  showFailure();
  saveLater(RETRY_DELAY);
}

// Fields whose problem is shown are marked for screen readers, too.
function markInvalid() {
  for (const field of $$("[aria-describedby^=p-]", form)) {
    const problem = document.getElementById(field.getAttribute("aria-describedby") ?? "");
    if (problem?.textContent) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

// What was typed in the last moment before another page is sent along.
function leave() {
  if (!isDirty || isStopped()) return;
  isDirty = false;
  const values = /** @type {[string, string][]} */ ([...new FormData(form)]); // there are no files among them
  fetch(form.action, { method: "POST", body: new URLSearchParams(values), keepalive: true });
}

export function startSaving() {
  form.addEventListener("input", noteChange);
  form.addEventListener("change", noteChange);
  form.addEventListener("submit", holdSubmit, true);
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target === form) beginSave();
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.target === form) endSave(answerStatus(event));
  });
  window.addEventListener("pagehide", leave);
  for (const other of /** @type {HTMLFormElement[]} */ ($$("form[data-after-save]"))) {
    other.addEventListener("submit", (event) => sendAfterSave(event, other));
  }
  watchAge(() => isBusy);
}

/** @param {Event} event */
function answerStatus(event) {
  return /** @type {CustomEvent} */ (event).detail?.ctx?.response?.raw?.status ?? 0;
}
