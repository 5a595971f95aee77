// The key `/` goes to the search of the list, ahead of the palette, whose key it is on other pages.

import { $ } from "../elements.js";
import { isTyping } from "../typing.js";

/** @param {KeyboardEvent} event */
function openSearch(event) {
  /** @type {HTMLInputElement | null} */
  const field = $("[data-find]");
  if (event.key !== "/" || !field || isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("dialog[open]") || !document.body.hasAttribute("data-single-keys")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  field.focus();
  field.select();
}

export function openSearchByKey() {
  document.addEventListener("keydown", openSearch, true);
}
