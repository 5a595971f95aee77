// What the page says of a change that it made, with a button that takes it back.

import { $, make } from "./elements.js";
import { removeToast, removeToastLater } from "./focus_return.js";

const TOAST_MILLISECONDS = 10_000;

/**
 * @param {string | undefined} text
 * @param {{undo?: () => void, label?: string}} [options] what takes it back, and what its button is called
 */
export function say(text, { undo, label = "" } = {}) {
  removeToast($("[data-toast]"));
  const toast = make("div", { className: "toast floating" });
  toast.dataset.toast = "";
  toast.setAttribute("role", "status");
  toast.append(make("span", { textContent: text ?? "" }));
  if (undo) {
    const button = make("button", { type: "button", textContent: label });
    button.addEventListener("click", () => {
      removeToast(toast);
      undo();
    });
    toast.append(button);
  }
  document.body.append(toast);
  removeToastLater(toast, TOAST_MILLISECONDS);
}
