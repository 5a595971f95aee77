// Rows whose order matters: they are dragged by their grip, or moved with the arrow keys while it has the focus. Each
// row has a form with the buttons “up” and “down”; a drop sends that form with the new position.

import { $, $$, closest } from "./elements.js";
import { dragRows } from "./row_moves.js";

const [ROWS, GRIP] = ["[data-sortable-row]", "[data-order-grip]"];

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

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const row = closest(event, GRIP)?.closest(ROWS);
  const list = /** @type {HTMLElement | null | undefined} */ (row?.closest("[data-sortable]"));
  if (!step || !row || !list) return;
  event.preventDefault();
  const rows = $$(ROWS, list);
  const to = rows.indexOf(/** @type {HTMLElement} */ (row)) + step;
  if (to >= 0 && to < rows.length) sendPosition(/** @type {HTMLElement} */ (row), to + 1);
}

export function orderRows() {
  if (!$("[data-sortable]")) return;
  dragRows(document, { rows: ROWS, grip: GRIP, drop: (row, _, to) => sendPosition(row, to + 1) });
  document.addEventListener("keydown", moveByKey);
  $("[data-order-grip][autofocus]")?.focus(); // the browser passes it over, since scripts show it
}
