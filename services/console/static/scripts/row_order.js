// Rows whose order matters: they are dragged by their grip, or moved with the arrow keys while it has the focus. Each
// row has a form with the buttons “up” and “down”; a drop sends that form with the new position.

import { $, $$, closest } from "./elements.js";

/** @param {HTMLElement} list */
const rowsOf = (list) => $$("[data-sortable-row]", list);

/**
 * Sends the form of a row, as the button that has this position would.
 * @param {HTMLElement} row
 * @param {number} position from 1
 */
function sendPosition(row, position) {
  /** @type {HTMLFormElement | null} */
  const form = $("form[data-order-form]", row);
  if (!form) return;
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "position" });
  field.value = String(position);
  form.append(field);
  form.requestSubmit();
}

/** @param {PointerEvent} event */
function lift(event) {
  const grip = closest(event, "[data-order-grip]");
  const row = /** @type {HTMLElement | null | undefined} */ (grip?.closest("[data-sortable-row]"));
  const list = /** @type {HTMLElement | null | undefined} */ (row?.closest("[data-sortable]"));
  if (!grip || !row || !list || event.button) return;
  event.preventDefault();
  grip.focus();
  const from = rowsOf(list).indexOf(row);
  row.classList.add("lifted");
  grip.setPointerCapture(event.pointerId);
  const move = (/** @type {PointerEvent} */ { clientY }) => {
    const rows = rowsOf(list);
    const other = rows.find((one) => {
      const box = one.getBoundingClientRect();
      return one !== row && clientY > box.top && clientY < box.bottom;
    });
    if (!other) return;
    // The others move, since a row that is taken out of the page loses the pointer.
    const [start, end] = [rows.indexOf(row), rows.indexOf(other)];
    if (end > start) for (const one of rows.slice(start + 1, end + 1)) row.before(one);
    else for (const one of rows.slice(end, start).reverse()) row.after(one);
  };
  const drop = (/** @type {PointerEvent} */ { type }) => {
    grip.removeEventListener("pointermove", move);
    row.classList.remove("lifted");
    const to = rowsOf(list).indexOf(row);
    if (type === "pointerup" && to !== from) sendPosition(row, to + 1);
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", drop, { once: true });
  grip.addEventListener("pointercancel", drop, { once: true });
}

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const row = closest(event, "[data-order-grip]")?.closest("[data-sortable-row]");
  const list = /** @type {HTMLElement | null | undefined} */ (row?.closest("[data-sortable]"));
  if (!step || !row || !list) return;
  event.preventDefault();
  const rows = rowsOf(list);
  const to = rows.indexOf(/** @type {HTMLElement} */ (row)) + step;
  if (to >= 0 && to < rows.length) sendPosition(/** @type {HTMLElement} */ (row), to + 1);
}

export function orderRows() {
  if (!$("[data-sortable]")) return;
  document.addEventListener("pointerdown", lift);
  document.addEventListener("keydown", moveByKey);
  $("[data-order-grip][autofocus]")?.focus(); // the browser passes it over, since scripts show it
}
