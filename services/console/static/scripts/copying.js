// Buttons that copy.

import { $, closest } from "./elements.js";

/**
 * Over plain HTTP there is no clipboard API; a selected field and the old command do it there.
 * @param {string} text
 */
async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function offerCopies() {
  document.addEventListener("click", async (event) => {
    const button = closest(event, "[data-copy]");
    if (!button) return;
    const { copy, copyFrom = "", copied = "" } = button.dataset;
    await copyText(copy || document.getElementById(copyFrom)?.textContent || "");
    const label = $("[data-copy-label]", button);
    if (label) {
      const before = label.textContent;
      label.textContent = copied;
      setTimeout(() => {
        label.textContent = before;
      }, 1500);
    }
  });
}
