// LeadHub's forms on any website. `python -m cli.embed_script` makes one script of this module and what it imports.
//
//   <div data-leadhub-form="ID"><a href="…/f/ID">…</a><script async src="…/f/ID/embed.js"></script></div>
//
// Attributes, on the script or on the <div>:
//   data-mode      inline (default; a shadow root), iframe, popup, or enhance (a <form action="…/f/ID"> of the page)
//   data-trigger   popup: selector of what opens it; default [data-leadhub-open="ID"]
//   data-consent   granted, denied, or auto (default: dataLayer, TCF, and `leadhub:consent` events tell)
//   data-datalayer pushes {event: "generate_lead", form_id, submission_id} to dataLayer on success
//   data-height    iframe: its height until the form is there
//
// Events, which bubble and are composed, without personal data: leadhub:ready, start, step, error, submit, success.
// A host that calls preventDefault on `submit` stops the post, on `success` shows its own thanks.
//
// Texts come in the form's language from `data-messages`, which `shared/form_pages/page_rendering.py` writes.
//
// Strict policies of hosts hold: no eval, no style attributes, no workers; script-src and connect-src suffice.

import { resume } from "./announcing.js";
import { watchConsent } from "./consent.js";
import { $$, make } from "./elements.js";
import { enhanceForms, formsOfPage, hideLaterSteps } from "./enhanced_forms.js";
import { showFrame } from "./frames.js";
import { showInline } from "./inline_forms.js";
import { isFirstCopy, isNew, shared, shareRegistry } from "./page_registry.js";
import { offerPopup } from "./popups.js";
import { formId, option, origin, script } from "./this_script.js";
import { currentTouches } from "./touches.js";
import { attempt } from "./values.js";

/** @returns {HTMLElement | null} */
const boxAround = () => script.closest("[data-leadhub-form]:not(form)");

/**
 * @param {HTMLElement} box
 * @param {string} [mode]
 */
function show(box, mode) {
  if (mode === "popup") offerPopup(box);
  else if (isNew(shared.claimed, box)) (mode === "iframe" ? showFrame : showInline)(box);
}

function start() {
  const around = boxAround();
  const mode = option("mode", around) || "";
  if (mode === "enhance" || (!mode && !around && formsOfPage().length)) enhanceForms();
  else if (around) show(around, mode);
  else if (mode === "popup") offerPopup(null);
  else showInBoxes(mode);
}

/** @param {string} mode of boxes that name none */
function showInBoxes(mode) {
  const boxes = $$(`[data-leadhub-form="${CSS.escape(formId)}"]:not(form)`);
  for (const box of boxes) show(box, option("mode", box));
  if (boxes.length || !isNew(shared.names, `inline:${formId}`)) return;
  const box = make("div");
  // Of several copies the first, whichever of them came first. A script in the head shows nothing there.
  const place = /** @type {HTMLScriptElement[]} */ ($$("body script")).find((one) => one.src === script.src);
  if (place) place.after(box);
  else document.body.append(box);
  show(box, mode);
}

function watchPolicy() {
  document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
    if (effectiveDirective === "connect-src" && blockedURI.startsWith(origin)) shared.isBlocked = true;
  });
}

function run() {
  shareRegistry();
  if (isFirstCopy) {
    watchPolicy();
    watchConsent(currentTouches);
  }
  currentTouches();
  if (isNew(shared.names, `resume:${formId}`)) resume(formId);
  if (script.dataset.mode === "enhance" && location.origin === origin) attempt(hideLaterSteps);
  // The rest of the page may decide: a form of its own, or a place for ours further down.
  if (document.readyState === "loading" && !boxAround()) document.addEventListener("DOMContentLoaded", start);
  else start();
}

if (formId) run();
