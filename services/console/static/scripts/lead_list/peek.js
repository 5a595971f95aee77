// A look at a lead beside the list. It follows the row that keys act on, and Escape closes it.

import { $, closest } from "../elements.js";
import { focusRow, markRow, moveFocus } from "../row_focus.js";
import { isTyping } from "../typing.js";

const FOLLOW_MILLISECONDS = 150; // that a row is looked at before the panel follows

/** @type {Record<string, 1 | -1>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

const panel = /** @type {HTMLElement | null} */ ($("[data-peek]"));
let shownPath = "";
let followTimer = 0;

/**
 * Shows the lead of a row. Where that fails, its page opens.
 * @param {HTMLElement} row
 * @param {boolean} takesFocus
 */
async function showPeek(row, takesFocus) {
  const path = row.dataset.peekPath ?? "";
  if (!panel || !path) return;
  shownPath = path;
  const response = await fetch(path, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (shownPath !== path) return; // another row was asked for meanwhile
  if (!response?.ok || response.redirected) {
    $("a.name", row)?.click();
    return;
  }
  const text = await response.text();
  panel.hidden = false;
  await window.htmx.swap({ sourceElement: panel, target: panel, swap: "innerHTML", text });
  panel.scrollTop = 0;
  if (takesFocus) $("[data-peek-title]", panel)?.focus({ preventScroll: true });
}

function closePeek() {
  if (!panel || panel.hidden) return;
  shownPath = "";
  panel.hidden = true;
  panel.replaceChildren();
  focusRow();
}

/** @param {KeyboardEvent} event */
function peekKey(event) {
  if (!panel || panel.hidden || $("dialog[open]")) return;
  if (event.key === "Escape" && (!isTyping(event) || panel.contains(/** @type {Node} */ (event.target)))) {
    closePeek();
    return;
  }
  const step = STEPS[event.key];
  if (!step || isTyping(event) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  moveFocus(step);
}

/** @param {Event} event */
function followRow({ target }) {
  if (!panel || panel.hidden || !(target instanceof HTMLElement)) return;
  clearTimeout(followTimer);
  followTimer = setTimeout(() => showPeek(target, false), FOLLOW_MILLISECONDS);
}

/** @param {MouseEvent} event */
function peekClick(event) {
  if (closest(event, "[data-peek-close]")) closePeek();
  const row = closest(event, "[data-peek-open]")?.closest("tr");
  if (!row) return;
  event.preventDefault();
  if (row.dataset.peekPath === shownPath) {
    closePeek();
    return;
  }
  markRow(row);
  showPeek(row, true);
}

export function peekAtRows() {
  if (!panel) return;
  document.addEventListener("click", peekClick);
  document.addEventListener("keydown", peekKey);
  document.addEventListener("row-marked", followRow);
}
