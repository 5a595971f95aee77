// Where the focus goes when an action has loaded a page: to what the page says of it, and on from there to the control
// that was used. A browser begins each page at its top.

import { $, $$, closest } from "./elements.js";
import { findControl, findSpot, spotOf } from "./focus_spots.js";

/** @import { Spot } from "./focus_spots.js" */

const NAME = "leadhub-focus";
const MOST_PAGES = 5;
const TOAST = "[data-toast]";
const DIALOG = "[role=dialog]"; // one that is a page of its own
const TARGETS = "a[href], button, input:not([type=hidden]), select, textarea";

/**
 * The control that was used last on each of the pages that were left last, and how the last one was left: by a form
 * that was sent, out of a dialog, and whether the next page is to have the focus somewhere.
 * @typedef {{spots: Record<string, Spot>, isSent: boolean, isDialog: boolean, isDue: boolean}} Memory
 */

/** @returns {Memory} */
function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
    if (kept) return kept;
  } catch {
    // Nothing is kept where storage is forbidden: then pages begin at their top.
  }
  return { spots: {}, isSent: false, isDialog: false, isDue: false };
}

/** @param {Memory} memory */
function write(memory) {
  const spots = Object.fromEntries(Object.entries(memory.spots).slice(-MOST_PAGES));
  try {
    sessionStorage.setItem(NAME, JSON.stringify({ ...memory, spots }));
  } catch {
    // As above.
  }
}

/**
 * Keeps the control that leads away. What a dialog asked belongs to the control that opened it.
 * @param {Element | null} control
 * @param {{isSent: boolean, isDue: boolean}} departure
 */
function leave(control, { isSent, isDue }) {
  const { spots } = read();
  const { pathname } = window.location;
  const isDialog = $(DIALOG) !== null;
  if (!isDialog) {
    delete spots[pathname]; // the last one that is added is the newest
    if (control && (isSent || control.closest("main"))) spots[pathname] = spotOf(control);
  }
  write({ spots, isSent, isDialog, isDue });
}

/** @param {SubmitEvent} event */
function leaveBySending(event) {
  const { target, submitter, defaultPrevented } = event;
  if (defaultPrevented || !(target instanceof HTMLFormElement)) return;
  const isSent = (submitter?.getAttribute("formmethod") ?? target.method) === "post";
  leave(submitter ?? document.activeElement, { isSent, isDue: true });
}

/** @param {MouseEvent} event */
function leaveByLink(event) {
  const link = /** @type {HTMLAnchorElement | null} */ (closest(event, "a[href]"));
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.target || link.origin !== window.location.origin || link.getAttribute("href")?.startsWith("#")) return;
  const isSamePage = link.pathname === window.location.pathname && link.closest("main") !== null;
  // A part of a page that a link names is where its reader goes on.
  leave(link, { isSent: false, isDue: !link.hash && (isSamePage || link.closest(DIALOG) !== null) });
}

/**
 * @param {HTMLElement | null} element
 * @param {FocusOptions} [options]
 */
function focus(element, options) {
  if (!element) return false;
  if (!element.matches(TARGETS)) element.tabIndex = -1;
  element.focus(options);
  return document.activeElement === element;
}

/** @type {() => void} */
let goBack = () => focus($("#main"), { preventScroll: true });

/**
 * A toast stands at the end of the page. Tab leads from it to where the reader was, not to the top.
 * @param {KeyboardEvent} event
 */
function leaveToast(event) {
  const toast = closest(event, TOAST);
  if (event.key !== "Tab" || !toast) return;
  const last = $$(TARGETS, toast).at(-1) ?? toast;
  if (event.target !== (event.shiftKey ? toast : last)) return;
  event.preventDefault();
  goBack();
}

/**
 * Takes a toast away. If it has the focus, this goes back to where it was before.
 * @param {Element | null} toast
 */
export function removeToast(toast) {
  const hadFocus = toast?.contains(document.activeElement);
  toast?.remove();
  if (hadFocus) goBack();
}

/**
 * Takes a toast away after a while, but not while the focus is on something in it.
 * @param {Element} toast
 * @param {number} milliseconds
 */
export function removeToastLater(toast, milliseconds) {
  setTimeout(() => {
    if ($(":focus", toast)) removeToastLater(toast, milliseconds);
    else removeToast(toast);
  }, milliseconds);
}

/** @param {FocusEvent} event */
function noteOrigin({ target, relatedTarget }) {
  const toast = target instanceof Element && target.closest(TOAST);
  if (!toast || !(relatedTarget instanceof HTMLElement) || toast.contains(relatedTarget)) return;
  const spot = spotOf(relatedTarget);
  goBack = () => focus(relatedTarget.isConnected ? relatedTarget : findSpot(spot)) || focus($("#main"));
}

/** What is wrong with the form that this page answers: a field, or a message. A toast says that nothing is. */
function findProblem() {
  if ($(TOAST)) return null;
  const within = $(DIALOG) ?? document;
  return $("[aria-invalid=true]", within) ?? $("[role=alert]", within);
}

function placeFocus() {
  const { spots, isSent, isDialog, isDue } = read();
  const { pathname, hash } = window.location;
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  write({ spots, isSent: false, isDialog: false, isDue: false });
  if (!isDue || navigation?.type !== "navigate") return;
  const dialog = $(DIALOG);
  const spot = spots[pathname];
  // A link to another view of the same address may have led to other rows: none of those is in the place of the former.
  const isSameView = isSent || isDialog;
  const find = () => (spot && (isSameView ? findSpot(spot) : findControl(spot))) ?? $("#main");
  if ((isSent && focus(findProblem())) || $("[autofocus]")) return; // which is the browser's affair
  if (dialog) focus($(TARGETS, $(".panel-body", dialog) ?? dialog)) || focus($("h2", dialog));
  else if (isSent && $(TOAST)) {
    goBack = () => focus(find());
    focus($(TOAST), { preventScroll: true });
  } else if (spot) focus(find(), { preventScroll: hash !== "" });
}

export function returnFocus() {
  // A browser that goes to a part of a page takes the focus away until the page is loaded.
  if (window.location.hash && document.readyState !== "complete") window.addEventListener("load", placeFocus);
  else placeFocus();
  // On the window, which hears last: what a script does in place leads nowhere.
  window.addEventListener("submit", leaveBySending);
  window.addEventListener("click", leaveByLink);
  document.addEventListener("keydown", leaveToast);
  document.addEventListener("focusin", noteOrigin);
}
