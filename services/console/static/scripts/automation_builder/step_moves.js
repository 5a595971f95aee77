// Steps are moved with a mouse, a pen or a finger, or with Alt and an arrow key. A move is saved where it ends; the
// page that follows has the focus on the step.

import { $, $$, closest } from "../elements.js";

/** @param {HTMLElement} list */
const rowsOf = (list) => $$("[data-place]", list);

/**
 * Sends the form as a button with that action does.
 * @param {HTMLFormElement} form
 * @param {string} action
 */
function press(form, action) {
  const button = /** @type {HTMLButtonElement | null} */ ($("button[data-do]", form));
  if (!button) return;
  button.value = action;
  form.requestSubmit(button);
}

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
 * @param {PointerEvent} event
 * @param {HTMLFormElement} form
 */
function lift(event, form) {
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
    if (type === "pointerup" && to !== from) press(form, `move:${from}-${to}`);
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", drop, { once: true });
  grip.addEventListener("pointercancel", drop, { once: true });
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLFormElement} form
 */
function moveByKey(event, form) {
  const row = closest(event, "[data-place]");
  if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  const place = Number(row.dataset.place);
  const isDead = event.key === "ArrowUp" ? place === 0 : place === rowsOf(form).length - 1;
  if (!isDead) press(form, `${event.key === "ArrowUp" ? "up" : "down"}:${place}`);
}

export function watchStepMoves() {
  const form = /** @type {HTMLFormElement | null} */ ($("form[data-automation-builder]"));
  if (!form) return;
  form.addEventListener("pointerdown", (event) => lift(event, form));
  form.addEventListener("keydown", (event) => moveByKey(event, form));
}
