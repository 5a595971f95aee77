// Rows are moved with a mouse, a pen or a finger, or with Alt and an arrow key.

import { $$, closest } from "./elements.js";

/**
 * The others move, since a row that is taken out of the page loses the pointer.
 * @param {HTMLElement} row
 * @param {HTMLElement} other the row that it changes places with
 */
function passRows(row, other) {
  const isBelow = Boolean(row.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
  for (let next = null; next !== other; ) {
    next = isBelow ? row.nextElementSibling : row.previousElementSibling;
    if (!next) return;
    row[isBelow ? "before" : "after"](next);
  }
}

/**
 * Has rows dragged by their grip: a row moves in its list at once. `rows` and `grip` are selectors. `drop` is told of a
 * row that is put down at another place; places count from 0.
 * @param {GlobalEventHandlers} area
 * @param {{rows: string, grip: string, drop: (row: HTMLElement, from: number, to: number) => void}} dragging
 */
export function dragRows(area, { rows, grip, drop }) {
  area.addEventListener("pointerdown", (event) => {
    const held = closest(event, grip);
    const row = /** @type {HTMLElement | null | undefined} */ (held?.closest(rows));
    const list = row?.parentElement;
    if (!held || !row || !list || event.button) return;
    event.preventDefault();
    held.focus();
    const from = $$(rows, list).indexOf(row);
    row.classList.add("lifted");
    held.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ { clientY }) => {
      const other = $$(rows, list).find((one) => {
        const box = one.getBoundingClientRect();
        return one !== row && clientY > box.top && clientY < box.bottom;
      });
      if (other) passRows(row, other);
    };
    const put = (/** @type {PointerEvent} */ { type }) => {
      held.removeEventListener("pointermove", move);
      row.classList.remove("lifted");
      const to = $$(rows, list).indexOf(row);
      if (type === "pointerup" && to !== from) drop(row, from, to);
    };
    held.addEventListener("pointermove", move);
    held.addEventListener("pointerup", put, { once: true });
    held.addEventListener("pointercancel", put, { once: true });
  });
}

/**
 * Calls `move` with the row that has the focus and -1 or 1, on Alt and an arrow key.
 * @param {GlobalEventHandlers} area
 * @param {string} rows a selector
 * @param {(row: HTMLElement, step: number) => void} move
 */
export function moveRowsByKey(area, rows, move) {
  area.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const row = closest(event, rows);
    if (!row || !event.altKey || !step) return;
    event.preventDefault();
    move(row, step);
  });
}
