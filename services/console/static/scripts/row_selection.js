// Rows of a table that are ticked: how many, and all at once. A live page waits while some are.

import { $, $$ } from "./elements.js";
import { live } from "./live_region.js";
import { rowTable } from "./row_focus.js";

/** @returns {HTMLInputElement[]} */
function allBoxes() {
  const table = rowTable();
  return table ? $$("tbody input[type=checkbox]", table) : [];
}

/** @param {number} count */
function showCount(count) {
  const bar = $("[data-selection]");
  if (!bar) return;
  bar.hidden = count === 0;
  for (const number of $$("[data-selected-count]", bar)) number.textContent = String(count);
}

/** @param {number} count */
function pauseWhileSelected(count) {
  if (count) live.pause("selected");
  else if (live.isPaused && live.reason === "selected") live.resume();
}

export function watchSelection() {
  const table = rowTable();
  if (!table) return;
  /** @type {HTMLInputElement | null} */
  const head = $("thead input[type=checkbox]", table);
  const show = () => {
    const boxes = allBoxes();
    const count = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.closest("tr")?.classList.toggle("selected", box.checked);
    if (head) {
      head.checked = count > 0 && count === boxes.length;
      head.classList.toggle("some", count > 0 && !head.checked);
    }
    showCount(count);
    pauseWhileSelected(count);
  };
  const setAll = (/** @type {boolean} */ isChecked) => {
    for (const box of allBoxes()) box.checked = isChecked;
  };
  table.addEventListener("change", ({ target }) => {
    if (head && target === head) setAll(head.checked);
    show();
  });
  $("[data-clear-selection]")?.addEventListener("click", () => {
    setAll(false);
    show();
  });
  show();
}
