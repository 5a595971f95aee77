// The menu of stages that a card may be moved to.

import { $, $$, closest } from "../elements.js";
import { board, focusOn, nameOf } from "./cards.js";
import { moveCard } from "./moves.js";

/** @type {HTMLDialogElement | null} */
const menu = $("[data-move-menu]");

/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** @type {HTMLElement | null} */
let askedCard = null;

/** @returns {HTMLButtonElement[]} */
const items = () => (menu ? $$("[data-to]", menu) : []);

/**
 * Opens the menu for a card.
 * @param {HTMLElement} card
 */
export function askWhereTo(card) {
  if (!menu || menu.open) return;
  askedCard = card;
  const name = $("[data-move-name]", menu);
  if (name) name.textContent = nameOf(card);
  for (const item of items()) item.disabled = item.dataset.to === card.dataset.at;
  menu.showModal();
  $("[data-to]:not(:disabled)", menu)?.focus();
}

/** @param {HTMLElement} item */
function choose(item) {
  menu?.close();
  if (!askedCard) return;
  focusOn(askedCard);
  moveCard(askedCard, item.dataset.to ?? "");
}

/** @param {KeyboardEvent} event */
function menuKey(event) {
  const step = STEPS[event.key];
  const numbered = /^[1-9]$/.test(event.key) ? items()[Number(event.key) - 1] : null;
  if (step) {
    event.preventDefault();
    const usable = items().filter((item) => !item.disabled);
    const at = usable.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    usable[(at + step + usable.length) % usable.length]?.focus();
  } else if (numbered && !numbered.disabled) {
    event.preventDefault();
    choose(numbered);
  }
}

/** Opens the menu by the buttons of cards, and moves what it was opened for. */
export function watchMoveMenu() {
  board.addEventListener("click", (event) => {
    /** @type {HTMLElement | null | undefined} */
    const card = closest(event, "[data-ask-move]")?.closest("[data-card]");
    if (card) askWhereTo(card);
  });
  menu?.addEventListener("click", (event) => {
    const item = closest(event, "[data-to]");
    if (item) choose(item);
    else if (event.target === menu) menu.close();
  });
  menu?.addEventListener("keydown", menuKey);
}
