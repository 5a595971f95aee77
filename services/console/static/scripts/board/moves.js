// Moving a card to another stage: on the page at once, and on the server, which may refuse.

import { say } from "../toasts.js";
import { board, focusOn, placeCard } from "./cards.js";

/**
 * What the server says of a move. `stage` is where the lead stands, null where it is not on the board.
 * @typedef {{text?: string, stage?: number | null, status?: string}} MoveAnswer
 */

/**
 * @param {HTMLElement} card
 * @param {string} stage
 * @param {string} seen the stage that the page showed
 * @param {string} status
 * @returns {Promise<{isDone: boolean, answer: MoveAnswer | null}>}
 */
async function post(card, stage, seen, status) {
  const body = new URLSearchParams({ lead: card.dataset.card ?? "", stage, seen });
  if (status) body.set("status", status);
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(board.dataset.move ?? "", { method: "POST", body, headers });
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    const answer = isJson ? await response.json() : null;
    return { isDone: response.ok && answer !== null, answer };
  } catch {
    return { isDone: false, answer: { text: board.dataset.failed } };
  }
}

/**
 * Moves a card. A card whose move has no answer yet stays where it is.
 * @param {HTMLElement} card
 * @param {string} stage
 * @param {{status?: string, isUndo?: boolean}} [options] `status`: the one that the lead gets back
 */
export async function moveCard(card, stage, { status = "", isUndo = false } = {}) {
  const seen = card.dataset.at ?? "";
  const statusBefore = card.dataset.status ?? "";
  if (stage === seen || card.dataset.busy) return;
  card.dataset.busy = "yes";
  const hadFocus = card.contains(document.activeElement);
  placeCard(card, stage);
  if (hadFocus) focusOn(card);
  const { isDone, answer } = await post(card, stage, seen, status);
  delete card.dataset.busy;
  if (!isDone) {
    placeCard(card, String(answer?.stage ?? seen));
    if (answer && answer.stage === null) card.remove();
    card.dataset.status = answer?.status ?? statusBefore;
    say(answer?.text ?? board.dataset.refused);
    return;
  }
  card.dataset.status = answer?.status ?? "";
  if (isUndo) say(board.dataset.undone);
  else {
    const undo = () => moveCard(card, seen, { status: statusBefore, isUndo: true });
    say(answer?.text, { undo, label: board.dataset.undo });
  }
}
