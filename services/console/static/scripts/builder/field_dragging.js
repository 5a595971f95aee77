// Dragging a field with a mouse, a pen or a finger: the row moves in the list at once, and is saved where it is put
// down.

import { $$, closest } from "../elements.js";
import { form, press } from "./builder_form.js";

/** @param {HTMLElement} list */
const rowsOf = (list) => $$("[data-place]", list);

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

/** @param {PointerEvent} event */
function lift(event) {
  const grip = closest(event, "[data-grip]");
  const row = /** @type {HTMLElement | null | undefined} */ (grip?.closest("[data-place]"));
  if (!grip || !row || event.button) return;
  event.preventDefault();
  const from = Number(row.dataset.place);
  const list = /** @type {HTMLElement} */ (row.parentNode);
  row.classList.add("lifted");
  grip.setPointerCapture(event.pointerId);
  const move = (/** @type {PointerEvent} */ { clientY }) => {
    const other = rowsOf(list).find((one) => {
      const box = one.getBoundingClientRect();
      return one !== row && clientY > box.top && clientY < box.bottom;
    });
    if (other) passRows(row, other);
  };
  const drop = (/** @type {PointerEvent} */ { type }) => {
    grip.removeEventListener("pointermove", move);
    row.classList.remove("lifted");
    const to = rowsOf(list).indexOf(row);
    if (type === "pointerup" && to !== from) press(`move:${from}-${to}`);
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", drop, { once: true });
  grip.addEventListener("pointercancel", drop, { once: true });
}

export function watchFieldDragging() {
  form.addEventListener("pointerdown", lift);
}
