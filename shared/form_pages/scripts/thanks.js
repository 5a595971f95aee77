// The thanks after a form has arrived, in its place.

import { announce } from "./announcing.js";
import { make, toggle } from "./elements.js";
import { currentPage } from "./page_facts.js";
import { webAddress } from "./values.js";

/** @import { Answer } from "./delivery.js" */
/** @import { LiveForm } from "./live_form.js" */
/** @import { EarlierPost } from "./page_registry.js" */

/**
 * Nobody is led away for what an earlier page view sent.
 * @param {LiveForm} live
 * @param {Answer} answer
 * @param {number} height of the form when it was answered, in pixels
 * @param {EarlierPost} [earlier] of an earlier page view
 */
export function showThanks(live, answer, height, earlier) {
  const { form } = live;
  if (!earlier?.isTold && !announce(form, live.id, answer, live.box)) return;
  const { lang, dir } = form;
  const text = make("p", { tabIndex: -1, dir: "auto" }, answer.message || live.text("success") || "✓");
  const place = make("div", { className: "lh-thanks", lang, dir }, text);
  place.setAttribute("role", "status");
  // What is below must not jump.
  place.style.maxWidth = `${form.offsetWidth}px`;
  if (!form.closest("dialog")) place.style.minHeight = `${height}px`;
  form.after(place);
  toggle(form, false);
  if (earlier) return;
  text.focus();
  const next = answer.redirect_url && webAddress(answer.redirect_url, currentPage().page_url);
  if (next) leave(next);
}

/** @param {string} url */
function leave(url) {
  try {
    /** @type {Window} */ (window.top).location.href = url;
  } catch {
    // A frame that may not move the page around it.
    location.href = url;
  }
}
