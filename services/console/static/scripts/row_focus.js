// The row of a table that keys act on.

import { $, $$ } from "./elements.js";

let current = -1;

/** The table, where there is one: a live page may put another one in its place. */
export const rowTable = () => $("[data-rows]");

function allRows() {
  const table = rowTable();
  return table ? $$("tbody tr[data-row]", table) : [];
}

/** @param {1 | -1} step */
export function moveFocus(step) {
  const rows = allRows();
  if (!rows.length) return;
  rows[current]?.classList.remove("focused");
  current = Math.max(0, Math.min(current + step, rows.length - 1));
  rows[current].classList.add("focused");
  rows[current].scrollIntoView({ block: "nearest" });
  $("a.name", rows[current])?.focus({ preventScroll: true });
}

/** @param {string} query what is clicked in the row */
function clickIn(query) {
  const row = allRows()[current];
  if (row) $(query, row)?.click();
}

export const openRow = () => clickIn("a.name");

export const tickRow = () => clickIn("input[type=checkbox]");

/** Marks the row again after each message: a live page drops the mark, but keeps the focus. */
export function keepRowMarked() {
  document.addEventListener("live-message", () => {
    const row = /** @type {HTMLElement | null | undefined} */ (document.activeElement?.closest("tr[data-row]"));
    if (!row) return;
    current = allRows().indexOf(row);
    row.classList.add("focused");
  });
}
