// Dialogs, menus and toasts.

import { $, $$, closest } from "./elements.js";
import { removeToast, removeToastLater } from "./focus_return.js";
import { startPalette } from "./palette.js";

const TOAST_MILLISECONDS = 8000;

/**
 * Opens the dialog with an id, if there is one.
 * @param {string} id
 */
export function openDialog(id) {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById(id));
  if (!dialog || dialog.open) return;
  dialog.showModal();
  $("[autofocus], input:not([type=hidden])", dialog)?.focus();
  if (id === "palette") startPalette(dialog);
}

/** Closes the menu that is open, and returns whether one was. */
export function closeOpenMenu() {
  const menu = /** @type {HTMLDetailsElement | null} */ ($("details.drop[open]"));
  if (!menu || $("dialog[open]")) return false;
  menu.open = false;
  $("summary", menu)?.focus();
  return true;
}

/**
 * A button with `data-dismiss` takes away the dialog or the toast that it stands in.
 * @param {HTMLElement} button
 */
function dismiss(button) {
  if (button.dataset.dismiss === "toast") removeToast(button.closest("[data-toast]"));
  else button.closest("dialog")?.close();
}

/** @param {MouseEvent} event */
function handleClick(event) {
  const id = closest(event, "[data-open]")?.dataset.open;
  if (id !== undefined && document.getElementById(id)) {
    event.preventDefault();
    openDialog(id);
    return;
  }
  const { target } = event;
  const button = closest(event, "[data-dismiss]");
  if (button) dismiss(button);
  for (const menu of /** @type {HTMLDetailsElement[]} */ ($$("details.drop[open]"))) {
    if (!menu.contains(/** @type {Node} */ (target))) menu.open = false;
  }
  // A click beside the dialog closes it, unless something was typed there.
  if (target instanceof HTMLDialogElement && !target.dataset.typed) target.close();
}

export function watchDialogs() {
  document.addEventListener("click", handleClick);
  document.addEventListener("input", (event) => {
    const dialog = closest(event, "dialog");
    if (dialog) dialog.dataset.typed = "yes";
  });
  const toast = $("[data-toast]:not([data-follow-job])");
  if (toast) removeToastLater(toast, TOAST_MILLISECONDS);
  for (const dialog of /** @type {HTMLDialogElement[]} */ ($$("dialog[data-show]"))) dialog.showModal();
}
