// The cards of the board and the columns that they stand in.

import { $, $$ } from "../elements.js";

/** Nothing of these modules is called where a page has no board. */
export const board = /** @type {HTMLElement} */ ($("[data-board]"));

export const columns = () => $$("[data-stage]", board);

/** @param {HTMLElement} column */
export const cardsOf = (column) => $$("[data-card]", column);

/** @param {HTMLElement} card */
export const columnAround = (card) => /** @type {HTMLElement} */ (card.closest("[data-stage]"));

/** @param {HTMLElement} card */
export const nameOf = (card) => $(".name", card)?.textContent.trim() ?? "";

/** @param {HTMLElement | null | undefined} card */
export function focusOn(card) {
  if (card) $(".name", card)?.focus();
}

/** @param {string | undefined} stage */
const columnOf = (stage) => $(`[data-stage="${CSS.escape(String(stage))}"]`, board);

/**
 * @param {HTMLElement | null} column
 * @param {1 | -1} step
 */
function addToCount(column, step) {
  const shown = column && $("[data-count]", column);
  if (!shown) return;
  const count = Math.max(0, Number(shown.dataset.count) + step);
  shown.dataset.count = String(count);
  shown.textContent = count.toLocaleString("en");
}

/**
 * Shows a card in the column of a stage; one without a column on this page leaves it.
 * @param {HTMLElement} card
 * @param {string} stage
 */
export function placeCard(card, stage) {
  const column = columnOf(stage);
  addToCount(columnOf(card.dataset.at), -1);
  addToCount(column, 1);
  card.dataset.at = stage;
  if (column) $(".cards", column)?.prepend(card);
  else card.remove();
}

/**
 * The card beside one: as far down in the next column that has cards.
 * @param {HTMLElement} card
 * @param {number} step
 */
export function cardBeside(card, step) {
  const all = columns();
  const own = columnAround(card);
  const row = cardsOf(own).indexOf(card);
  for (let at = all.indexOf(own) + step; all[at]; at += step) {
    const cards = cardsOf(all[at]);
    if (cards.length) return cards[Math.min(row, cards.length - 1)];
  }
  return null;
}
