// Forms that the page has already: those of our own pages, and those that a host wrote.

import { $$ } from "./elements.js";
import { hearPage, tellHeight } from "./frames.js";
import { LiveForm } from "./live_form.js";
import { isNew, shared } from "./page_registry.js";
import { base, formId, origin } from "./this_script.js";
import { webAddress } from "./values.js";

/** The forms of the page that are sent to ours. */
export function formsOfPage() {
  const target = (/** @type {Element} */ form) =>
    webAddress(form.getAttribute("action") || "", document.baseURI).split(/[?#]/)[0];
  const forms = /** @type {HTMLFormElement[]} */ ($$("form"));
  return forms.filter((form) => form.dataset.leadhubForm === formId || target(form) === base + formId);
}

export function enhanceForms() {
  for (const form of formsOfPage().filter((one) => isNew(shared.claimed, one))) {
    const live = new LiveForm(form, formId, form);
    const isFramed = parent !== window && location.origin === origin && /[?&]embed=1\b/.test(location.search);
    if (isFramed) {
      hearPage(live);
      tellHeight();
    }
  }
}

/**
 * A page of ours shows the first step at once, not all steps until it is read. It has room for the progress before the
 * second step has come.
 */
export function hideLaterSteps() {
  const css = `.lh-form:not([data-live]) {
  :is(.lh-step ~ .lh-step, [data-show-if]) { display: none; }
  .lh-progress { display: block !important; min-block-size: 1lh; }
}`;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
