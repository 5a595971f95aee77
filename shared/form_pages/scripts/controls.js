// Controls of a form: what they hold, and how they are filled and made.

import { make } from "./elements.js";

/**
 * An input, a select or a textarea. What only inputs have is read after a look at the type.
 * @typedef {HTMLInputElement} Control
 */

/** @param {Control} control */
export const isChoice = (control) => control.type === "checkbox" || control.type === "radio";

/**
 * Texts, as they are sent; for files their names.
 * @param {Control[]} controls
 * @returns {string[]}
 */
export function controlValues(controls) {
  return controls.flatMap((control) => {
    if (isChoice(control)) return control.checked ? [control.value] : [];
    if (control.type === "file") return [...(control.files || [])].map((file) => file.name);
    return [control.value];
  });
}

/**
 * @param {Control[]} controls
 * @param {string[]} values
 */
export function setControls(controls, values) {
  for (const control of controls) {
    if (control.type === "file" || control.type === "submit") continue;
    if (isChoice(control)) control.checked = values.includes(control.value);
    else control.value = values[0];
  }
}

/**
 * The controls of a form with this name.
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export const controlsOf = (form, name) =>
  /** @type {Control[]} */ ([...form.elements]).filter((one) => one.name === name);

/**
 * The named input that is not shown; `_key` and its like may be absent in the markup.
 * @param {HTMLFormElement} form
 * @param {string} name
 * @returns {HTMLInputElement}
 */
export function hiddenInput(form, name) {
  /** @type {HTMLInputElement | null} */
  const input = form.querySelector(`input[name="${name}"]`);
  if (input) return input;
  const added = make("input", { type: "hidden", name });
  form.append(added);
  return added;
}
