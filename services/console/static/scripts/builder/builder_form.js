// The form of the builder's page, which holds the draft, and its buttons.

import { $ } from "../elements.js";

export const form = /** @type {HTMLFormElement} */ ($("form[data-builder]"));
export const mayChange = form.hasAttribute("hx-post");

/**
 * A hidden input of the form.
 * @param {string} name
 */
export const hiddenInput = (name) => /** @type {HTMLInputElement} */ ($(`input[type=hidden][name=${name}]`, form));

/**
 * Sends the form as a button with that action does.
 * @param {string} action
 */
export function press(action) {
  const button = /** @type {HTMLButtonElement} */ ($("button[data-do]", form));
  button.value = action;
  form.requestSubmit(button);
}
