// The form that logs a call, a note or a mail. A link that calls or writes sets it up for what was done.

import { $, closest } from "../elements.js";

/**
 * Chooses a kind in the form, and goes to the first thing that is left to choose.
 * @param {HTMLFormElement} form
 * @param {string} kind empty for the one that is chosen
 */
function openForm(form, kind) {
  /** @type {HTMLInputElement | null} */
  const choice = $(kind ? `input[name=type][value="${CSS.escape(kind)}"]` : "input[name=type]:checked", form);
  if (choice) choice.checked = true;
  const offer = $("[data-log-offer]", form);
  if (offer) {
    const text = kind === "call" ? offer.dataset.ofCall : offer.dataset.ofEmail;
    offer.textContent = text ?? "";
    offer.hidden = !kind;
  }
  form.scrollIntoView({ block: "nearest" });
  const isCall = choice?.value === "call";
  const next = $(isCall ? "input[name=outcome]:checked" : "textarea", form);
  next?.focus({ preventScroll: true });
}

/** Sends the form by Ctrl and Enter, too. */
function sendByKey(/** @type {HTMLFormElement} */ form) {
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

export function offerLogging() {
  /** @type {HTMLFormElement | null} */
  const form = $("form#log");
  if (!form) return;
  sendByKey(form);
  document.addEventListener("click", (event) => {
    const link = closest(event, "[data-log]");
    if (!link) return;
    const kind = link.dataset.log ?? "";
    if (!kind) event.preventDefault(); // otherwise the phone or the mail program opens
    openForm(form, kind);
  });
}
