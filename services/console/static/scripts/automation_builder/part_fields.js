// The open part shows the fields that fit what was chosen: as its button does, which needs no script.

import { $ } from "../elements.js";

export function watchPartFields() {
  const form = $("form[data-automation-builder]");
  form?.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !target.matches("[data-refresh]")) return;
    /** @type {HTMLButtonElement | null} */ ($("[data-refresh-button]", form))?.click();
  });
}
