// The preview of the form, in a language, a mode and a width.

import { $, $$, closest } from "../elements.js";
import { form, hiddenInput } from "./builder_form.js";

const frame = /** @type {HTMLIFrameElement} */ ($("[data-frame] iframe"));

/** Shows the draft once more, in the language and the mode that are chosen now. */
export function reloadPreview() {
  const query = new URLSearchParams();
  for (const part of ["language", "mode"]) query.set(part, hiddenInput(part).value);
  frame.contentWindow?.location.replace(`${frame.dataset.source}?${query}`);
}

/**
 * @param {Event} event
 * @param {HTMLElement} chosen a button, or an element with its name and value as `data-`
 */
function choose(event, chosen) {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (chosen);
  const name = button.name || (chosen.dataset.name ?? "");
  const value = button.value || (chosen.dataset.value ?? "");
  const others = $$("[data-stage]", /** @type {HTMLElement} */ (chosen.parentNode));
  for (const one of others) one.setAttribute("aria-pressed", String(one === chosen));
  hiddenInput(name).value = value;
  if (name === "width")
    /** @type {HTMLElement} */ (frame.parentNode).classList.toggle("phone-width", value === "phone");
  else reloadPreview();
}

export function watchPreview() {
  form.addEventListener("click", (event) => {
    const chosen = closest(event, "[data-stage]");
    if (chosen) choose(event, chosen);
  });
}
