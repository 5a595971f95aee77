// Dragging a card with a mouse or a pen. A finger scrolls, and has the menu.

import { $, closest, make } from "../elements.js";
import { board, columnAround, columns } from "./cards.js";
import { moveCard } from "./moves.js";

const DRAG_DISTANCE = 6; // pixels after which a press is a drag
const EDGE = 48; // pixels at the edge of the board, in which it scrolls
const SCROLL_STEP = 12; // pixels

/**
 * A card under a pressed button. Once it is lifted, a slot shows where it would be put.
 * @typedef {object} Drag
 * @property {HTMLElement} card
 * @property {number} x of the press
 * @property {number} y of the press
 * @property {number} pointer
 * @property {{slot: HTMLElement, left: number, top: number}} [lifted]
 */

/** @type {Drag | null} */
let drag = null;

/** @param {PointerEvent} event */
function press(event) {
  const card = closest(event, "[data-card]");
  if (!card || event.button !== 0 || event.pointerType === "touch" || closest(event, "button")) return;
  drag = { card, x: event.clientX, y: event.clientY, pointer: event.pointerId };
}

/** @param {Drag} drag */
function lift({ card, pointer }) {
  const { left, top, width } = card.getBoundingClientRect();
  const slot = make("div", { className: "slot" });
  slot.setAttribute("aria-hidden", "true");
  card.after(slot);
  card.classList.add("lifted", "dragged");
  card.style.inlineSize = `${width}px`;
  board.setPointerCapture(pointer);
  return { slot, left, top };
}

/** @param {PointerEvent} event */
function carry(event) {
  if (!drag || event.pointerId !== drag.pointer) return;
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.lifted && Math.hypot(x, y) < DRAG_DISTANCE) return;
  drag.lifted ??= lift(drag);
  const { slot, left, top } = drag.lifted;
  drag.card.style.left = `${left + x}px`;
  drag.card.style.top = `${top + y}px`;
  scrollAtEdge(event.clientX);
  showSlot(slot, event.clientX);
}

/** @param {number} x */
function scrollAtEdge(x) {
  const edges = board.getBoundingClientRect();
  if (x > edges.right - EDGE) board.scrollBy(SCROLL_STEP, 0);
  if (x < edges.left + EDGE) board.scrollBy(-SCROLL_STEP, 0);
}

/**
 * Shows the slot in the column under the pointer.
 * @param {HTMLElement} slot
 * @param {number} x
 */
function showSlot(slot, x) {
  const column = columns().find((one) => {
    const box = one.getBoundingClientRect();
    return x >= box.left && x <= box.right;
  });
  if (column && column.dataset.stage !== "0" && !column.contains(slot)) $(".cards", column)?.prepend(slot);
}

/**
 * Ends a drag.
 * @param {boolean} isTaken whether the card goes where the slot is
 */
function drop(isTaken) {
  if (!drag) return;
  const { card, lifted } = drag;
  drag = null;
  if (!lifted) return;
  const { stage = "" } = columnAround(lifted.slot).dataset;
  lifted.slot.remove();
  card.classList.remove("lifted", "dragged");
  for (const name of ["inline-size", "left", "top"]) card.style.removeProperty(name);
  swallowClick();
  if (isTaken) moveCard(card, stage);
}

// The click that ends a drag opens no lead.
function swallowClick() {
  board.addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
  setTimeout(() => board.dispatchEvent(new MouseEvent("click", { cancelable: true })));
}

export function watchDragging() {
  board.addEventListener("pointerdown", press);
  board.addEventListener("pointermove", carry);
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    board.addEventListener(name, (event) => {
      if (event.pointerId === drag?.pointer) drop(event.type === "pointerup");
    });
  }
  board.addEventListener("dragstart", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") drop(false);
  });
}
