// When a form is sent: after a question, or as soon as it changes.

import { closest } from "./elements.js";

// A form that asks: the question is in `data-confirm`. Without scripts the server asks.
export function askBeforeSending() {
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? closest(event, "form")?.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
}

// A select or a box with `data-submits` sends its form when it changes.
export function sendOnChange() {
  document.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement | null} */ (closest(event, "[data-submits]"));
    field?.form?.requestSubmit();
  });
}
