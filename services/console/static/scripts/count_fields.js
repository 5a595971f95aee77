// Fields of a confirmation: the number to type, and how long so many rows take.

import { $, $$ } from "./elements.js";

/** @param {HTMLInputElement} field */
const digitsOf = (field) => field.value.replace(/[^0-9]/g, "");

// The number to type: the button opens when the number is the one that is shown.
export function checkTypedNumbers() {
  for (const field of /** @type {HTMLInputElement[]} */ ($$("input[data-must-equal]"))) {
    /** @type {HTMLButtonElement | null} */
    const button = field.form && $("button[data-needs-number]", field.form);
    const check = () => {
      const typed = digitsOf(field);
      const isSame = typed === field.dataset.mustEqual;
      field.toggleAttribute("data-same", isSame);
      field.toggleAttribute("data-other", typed !== "" && !isSame);
      if (button) button.disabled = !isSame;
    };
    field.addEventListener("input", check);
    check();
  }
}

/**
 * How long so many rows take at a rate, in the words of the page.
 * @param {number} count
 * @param {number} rate rows a second
 * @param {DOMStringMap} words
 */
function paceText(count, rate, words) {
  if (!rate) return words.paceNone ?? "";
  const seconds = Math.max(1, Math.round(count / rate));
  if (seconds < 100) return (words.paceSeconds ?? "").replace("{n}", String(seconds));
  if (seconds < 6000) return (words.paceMinutes ?? "").replace("{n}", String(Math.round(seconds / 60)));
  return (words.paceHours ?? "").replace("{n}", String(Math.round(seconds / 3600)));
}

// The server says it for the rate that it was sent.
export function forecastPace() {
  for (const field of /** @type {HTMLInputElement[]} */ ($$("input[data-pace-count]"))) {
    const text = field.parentElement && $("[data-pace-text]", field.parentElement);
    field.addEventListener("input", () => {
      const pace = paceText(Number(field.dataset.paceCount), Number(digitsOf(field)), field.dataset);
      if (text) text.textContent = pace;
    });
  }
}
