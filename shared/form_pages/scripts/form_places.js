// Elements of ours in a form; forms of hosts get them when they are needed.

import { make } from "./elements.js";

/**
 * @param {HTMLFormElement} form
 * @param {string} className
 * @param {string} role
 * @returns {HTMLElement}
 */
export function placeIn(form, className, role) {
  /** @type {HTMLElement | null} */
  const place = form.querySelector(`.${className}`);
  if (place) return place;
  const added = make("div", { className, tabIndex: -1 });
  added.setAttribute("role", role);
  form.prepend(added);
  return added;
}
