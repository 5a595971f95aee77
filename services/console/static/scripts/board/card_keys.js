// Keys of the board: arrows go from card to card, with Shift they move one, and `m` opens the menu.

import { $, closest } from "../elements.js";
import { board, cardBeside, cardsOf, columnAround, columns, focusOn } from "./cards.js";
import { askWhereTo } from "./move_menu.js";
import { moveCard } from "./moves.js";

const forward = getComputedStyle(document.documentElement).direction === "rtl" ? -1 : 1;
/** @type {Record<string, number>} */
const SIDEWAYS = { ArrowRight: forward, ArrowLeft: -forward };
/** @type {Record<string, number>} */
const DOWN = { ArrowDown: 1, ArrowUp: -1 };

/**
 * Moves a card to the next stage at a side. The first column holds leads without a stage: nothing is moved there.
 * @param {HTMLElement} card
 * @param {number} step
 */
function moveSideways(card, step) {
  const all = columns();
  const next = all[all.indexOf(columnAround(card)) + step];
  if (next?.dataset.stage && next.dataset.stage !== "0") moveCard(card, next.dataset.stage);
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} card
 */
function arrowKey(event, card) {
  const [sideways, down] = [SIDEWAYS[event.key], DOWN[event.key]];
  if (!sideways && !down) return;
  event.preventDefault();
  const within = cardsOf(columnAround(card));
  if (down) focusOn(within[within.indexOf(card) + down]);
  else if (event.shiftKey) moveSideways(card, sideways);
  else focusOn(cardBeside(card, sideways));
}

/** @param {KeyboardEvent} event */
function boardKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const card = closest(event, "[data-card]");
  if (!card) {
    if (event.target === board && event.key.startsWith("Arrow")) focusOn($("[data-card]", board));
  } else if (event.key === "m" && document.body.hasAttribute("data-single-keys")) {
    event.preventDefault();
    event.stopPropagation();
    askWhereTo(card);
  } else arrowKey(event, card);
}

export function watchCardKeys() {
  board.addEventListener("keydown", boardKey);
}
