// A form in its place on another site.

import { emit, make } from "./elements.js";
import { fragmentOf, parseHtml } from "./fragments.js";
import { showFrame } from "./frames.js";
import { LiveForm } from "./live_form.js";
import { shared } from "./page_registry.js";
import { addStyles, openRoot } from "./shadow_roots.js";
import { base, formId } from "./this_script.js";

/**
 * Puts the form into a root. The nodes are the document's own afterwards. Rejects where the form cannot be had.
 * @param {ShadowRoot} shadow
 * @param {HTMLElement} place
 * @param {HTMLElement | null} box the element of the page whose attributes count
 */
export async function fillRoot(shadow, place, box) {
  const { html, css } = await fragmentOf(formId);
  const nodes = [...parseHtml(html).body.childNodes].map((node) => document.importNode(node, true));
  addStyles(shadow, css);
  place.append(...nodes);
  const form = /** @type {HTMLFormElement} */ (place.querySelector("form"));
  shared.claimed.add(form);
  return new LiveForm(form, formId, box);
}

/** @param {HTMLElement} box */
export async function showInline(box) {
  const { shadow, root } = openRoot(box);
  const place = make("div");
  root.append(place);
  try {
    await fillRoot(shadow, place, box);
    /** @type {HTMLSlotElement} */ (root.querySelector("slot")).remove();
  } catch (error) {
    if (shared.isBlocked) showFrame(box);
    else showFailure(box, error);
  }
}

/**
 * @param {HTMLElement} box
 * @param {unknown} error
 */
function showFailure(box, error) {
  if (!box.textContent.trim()) box.append(make("a", { href: base + formId }, base + formId));
  emit(box, "error", { form_id: formId, fields: [] });
  console.warn(String(error));
}
