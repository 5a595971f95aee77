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
  markRow(rows[Math.max(0, Math.min(current + step, rows.length - 1))]);
  rows[current].scrollIntoView({ block: "nearest" });
  focusRow();
  rows[current].dispatchEvent(new CustomEvent("row-marked", { bubbles: true }));
}

/**
 * Marks a row as the one that keys act on.
 * @param {HTMLElement} row
 */
export function markRow(row) {
  const rows = allRows();
  rows[current]?.classList.remove("focused");
  current = rows.indexOf(row);
  row.classList.add("focused");
}

/** Focuses the name in the row that keys act on. */
export function focusRow() {
  const row = allRows()[current];
  if (row) $("a.name", row)?.focus({ preventScroll: true });
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
