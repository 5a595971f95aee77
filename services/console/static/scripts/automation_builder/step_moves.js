// Steps are dragged, or moved by keys. A move is saved where it ends; the page that follows has the focus on the step.

import { $, $$ } from "../elements.js";
import { dragRows, moveRowsByKey } from "../row_moves.js";

const STEPS = "[data-place]";

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

export function watchStepMoves() {
  const form = /** @type {HTMLFormElement | null} */ ($("form[data-automation-builder]"));
  if (!form) return;
  dragRows(form, { rows: STEPS, grip: "[data-grip]", drop: (_, from, to) => press(form, `move:${from}-${to}`) });
  moveRowsByKey(form, STEPS, (row, step) => {
    const place = Number(row.dataset.place);
    const isDead = step < 0 ? place === 0 : place === $$(STEPS, form).length - 1;
    if (!isDead) press(form, `${step < 0 ? "up" : "down"}:${place}`);
  });
}
