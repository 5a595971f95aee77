// The columns of the list of leads: they are moved by drag, by buttons and by keys, and found by a part of their name.

import { $, $$, closest } from "../elements.js";
import { moveRowsByKey } from "../row_moves.js";

/**
 * @param {HTMLElement} row
 * @param {number} step
 */
function moveRow(row, step) {
  const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
  if (!other?.matches("[data-column]")) return;
  if (step < 0) other.before(row);
  else other.after(row);
}

/** @param {HTMLFormElement} form */
function moveByButton(form) {
  form.addEventListener("click", (event) => {
    /** @type {HTMLButtonElement | null} */
    const mover = closest(event, "button[name=up], button[name=down]");
    /** @type {HTMLElement | null | undefined} */
    const row = mover?.closest("[data-column]");
    if (!mover || !row) return;
    event.preventDefault();
    moveRow(row, mover.name === "up" ? -1 : 1);
    mover.focus();
  });
}

/** @param {HTMLFormElement} form */
function moveByDrag(form) {
  /** @type {HTMLElement | null} */
  let dragged = null;
  form.addEventListener("dragstart", (event) => {
    dragged = closest(event, "[data-column]");
  });
  form.addEventListener("dragend", () => {
    dragged = null;
  });
  form.addEventListener("dragover", (event) => {
    const row = closest(event, "[data-column]");
    if (!dragged || !row || row === dragged) return;
    event.preventDefault();
    const box = row.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) row.before(dragged);
    else row.after(dragged);
  });
}

/** @param {HTMLFormElement} form */
function findByName(form) {
  /** @type {HTMLInputElement | null} */
  const field = $("[data-column-find]", form);
  field?.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    for (const row of $$("[data-column]", form)) row.hidden = !row.textContent.toLowerCase().includes(text);
  });
  field?.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

export function orderColumns() {
  /** @type {HTMLFormElement | null} */
  const form = $("form[data-columns]");
  if (!form) return;
  moveByButton(form);
  moveRowsByKey(form, "[data-column]", (row, step) => {
    const focused = document.activeElement;
    moveRow(row, step);
    if (focused instanceof HTMLElement) focused.focus();
  });
  findByName(form);
  moveByDrag(form);
}
