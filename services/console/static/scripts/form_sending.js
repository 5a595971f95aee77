// When a form is sent: after a question, or as soon as it changes.

import { $, $$, closest } from "./elements.js";

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

// A form whose answer takes seconds says so in its `data-under-way`, and is not sent twice meanwhile.
export function sayUnderWay() {
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement | null} */ (closest(event, "form:has([data-under-way])"));
    if (!form || event.defaultPrevented) return;
    setUnderWay(form, true);
  });
  window.addEventListener("pageshow", () => {
    for (const form of /** @type {HTMLFormElement[]} */ ($$("form:has([data-under-way])"))) setUnderWay(form, false);
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {boolean} isUnderWay
 */
function setUnderWay(form, isUnderWay) {
  for (const words of /** @type {HTMLElement[]} */ ($$("[data-under-way] > span", form))) words.hidden = !isUnderWay;
  for (const button of $$("button", form)) button.toggleAttribute("disabled", isUnderWay);
}

// A chosen file is named beside our own button: the browser's control speaks another language.
export function nameChosenFiles() {
  document.addEventListener("change", (event) => {
    const field = /** @type {HTMLInputElement | null} */ (closest(event, "[data-file-choice] > input"));
    const name = field?.files?.[0]?.name;
    const place = field && $("[data-file-name]", field.parentElement ?? document);
    if (name && place) place.textContent = `\u2068${name}\u2069`;
  });
}
