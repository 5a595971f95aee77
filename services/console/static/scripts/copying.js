// Buttons that copy.

import { $ } from "./elements.js";

// Over plain HTTP there is no clipboard API; a selected field and the old command do it there.
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
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copyText(button.dataset.copy || document.getElementById(button.dataset.copyFrom)?.textContent || "");
    const label = $("[data-copy-label]", button);
    if (label) {
      const before = label.textContent;
      label.textContent = button.dataset.copied;
      setTimeout(() => {
        label.textContent = before;
      }, 1500);
    }
  });
}
