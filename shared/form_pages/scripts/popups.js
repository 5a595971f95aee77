// A form in a dialog, which elements of the host's page open.

import { $$, make } from "./elements.js";
import { fragmentOf } from "./fragments.js";
import { fillRoot } from "./inline_forms.js";
import { counted } from "./page_facts.js";
import { isNew, shared } from "./page_registry.js";
import { openRoot } from "./shadow_roots.js";
import { formId, option } from "./this_script.js";

/** @param {HTMLElement | null} box the element of the page whose attributes count */
export function offerPopup(box) {
  const query = option("trigger", box) || `[data-leadhub-open="${CSS.escape(formId)}"]`;
  if (!isNew(shared.names, `popup:${formId}:${query}`)) return;
  /** @type {Promise<HTMLDialogElement> | null} */
  let dialog = null;
  const isOnTrigger = (/** @type {Event} */ { target }) => target instanceof Element && target.closest(query);
  for (const name of ["pointerover", "focusin"]) {
    document.addEventListener(name, (event) => isOnTrigger(event) && fragmentOf(formId).catch(() => {}));
  }
  document.addEventListener("click", async (event) => {
    if (!isOnTrigger(event) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      dialog = dialog || makeDialog(box);
      const shown = await dialog;
      if (!shown.open) shown.showModal();
    } catch {
      // The page of the form does what the dialog cannot.
      location.href = counted(formId);
    }
  });
  for (const trigger of $$(query)) trigger.setAttribute("aria-haspopup", "dialog");
}

/** @param {HTMLElement | null} box */
async function makeDialog(box) {
  const host = make("div");
  document.body.append(host);
  const { shadow, root } = openRoot(host);
  const close = make("button", { type: "button", className: "lh-close" }, "×");
  const dialog = make("dialog", { className: "lh-dialog" });
  root.replaceChildren(dialog);
  const live = await fillRoot(shadow, dialog, box);
  dialog.append(close);
  close.setAttribute("aria-label", live.text("close"));
  close.addEventListener("click", () => dialog.close());
  dialog.dir = live.form.dir;
  const title = /** @type {Element} */ (
    dialog.querySelector(".lh-title, h1, h2") || dialog.querySelector("[type=submit]")
  );
  dialog.setAttribute("aria-label", title.textContent.trim());
  return dialog;
}
