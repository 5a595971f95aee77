// Dialogs, menus and toasts.

import { $, $$ } from "./elements.js";
import { palette } from "./palette.js";

export function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  $("[autofocus], input:not([type=hidden])", dialog)?.focus();
  if (id === "palette") palette.opened(dialog);
}

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener && document.getElementById(opener.dataset.open)) {
      event.preventDefault();
      openDialog(opener.dataset.open);
      return;
    }
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss)
      dismiss
        .closest(dismiss.dataset.dismiss === "toast" ? "[data-toast]" : "dialog")
        ?.[dismiss.dataset.dismiss === "toast" ? "remove" : "close"]();
    for (const menu of $$("details.drop[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (event.target instanceof HTMLDialogElement && !event.target.dataset.typed) event.target.close();
  });
  document.addEventListener("input", (event) => {
    const dialog = event.target.closest("dialog");
    if (dialog) dialog.dataset.typed = "yes";
  });
  const toast = $("[data-toast]");
  if (toast) setTimeout(() => toast.remove(), 8000);
  for (const dialog of $$("dialog[data-show]")) dialog.showModal();
}
