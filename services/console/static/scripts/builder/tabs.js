// Tabs of the builder, and the swatches of its colour.

import { $, $$ } from "../elements.js";
import { form, hiddenInput } from "./builder_form.js";

/**
 * @param {Event} event
 * @param {HTMLElement} tab
 */
function openTab(event, tab) {
  event.preventDefault();
  const name = (tab.getAttribute("aria-controls") ?? "").replace("part-", "");
  form.dataset.tab = name;
  hiddenInput("tab").value = name;
  for (const one of $$("[data-tab-of]")) one.setAttribute("aria-selected", String(one === tab));
}

function watchColor() {
  /** @type {HTMLInputElement | null} */
  const color = $("input[name=s_accent]", form);
  color?.addEventListener("input", () => {
    for (const swatch of /** @type {HTMLButtonElement[]} */ ($$(".swatch", form))) {
      swatch.setAttribute("aria-pressed", String(swatch.value === `accent:${color.value}`));
    }
  });
}

export function watchTabs() {
  for (const tab of $$("[data-tab-of]")) tab.addEventListener("click", (event) => openTab(event, tab));
  watchColor();
}
