// What the page says of a move, with a button that takes it back.

import { $, make } from "../elements.js";
import { board } from "./cards.js";

const TOAST_MILLISECONDS = 10_000;

/**
 * @param {string | undefined} text
 * @param {() => void} [undo]
 */
export function say(text, undo) {
  $("[data-toast]")?.remove();
  const toast = make("div", { className: "toast floating" });
  toast.dataset.toast = "";
  toast.setAttribute("role", "status");
  toast.append(make("span", { textContent: text ?? "" }));
  if (undo) {
    const button = make("button", { type: "button", textContent: board.dataset.undo ?? "" });
    button.addEventListener("click", () => {
      toast.remove();
      undo();
    });
    toast.append(button);
  }
  document.body.append(toast);
  setTimeout(() => toast.remove(), TOAST_MILLISECONDS);
}
