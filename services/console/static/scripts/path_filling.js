// Filling the rows of a mapping from a payload.

import { $, $$, closest } from "./elements.js";

// A click on a value fills its path into the row that was used last, otherwise into the first empty one.
export function fillPathsByClick() {
  const form = $("form[data-mapper]");
  if (!form) return;
  /** @type {HTMLElement | null} */
  let last = null;
  form.addEventListener("focusin", (event) => {
    last = closest(event, ".map-row") ?? last;
  });
  form.addEventListener("click", (event) => {
    const value = closest(event, "[data-fill-path]");
    if (!value) return;
    const paths = /** @type {HTMLInputElement[]} */ ($$("input[name=path]", form));
    /** @type {HTMLInputElement | null} */
    const ownPath = last && $("input[name=path]", last);
    const field = ownPath ?? paths.find((path) => !path.value) ?? paths[0];
    if (!field) return;
    field.value = value.dataset.fillPath ?? "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    last = null;
    for (const other of $$(".fill.current", form)) other.classList.remove("current");
    value.classList.add("current");
  });
}
