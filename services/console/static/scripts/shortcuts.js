// Keys. Single ones act only where the reader wants them.

import { closeOpenMenu, openDialog } from "./dialogs.js";
import { $, $$, closest } from "./elements.js";
import { live } from "./live_region.js";
import { moveFocus, openRow, tickRow } from "./row_focus.js";
import { isTyping } from "./typing.js";

const GO_MILLISECONDS = 1500; // for the second key after `g`

let goPressedAt = 0; // 0: nobody waits for a second key

/** @typedef {Record<string, () => void>} Actions */

/**
 * Clicks what a selector finds.
 * @param {string} query
 */
const click = (query) => () => $(query)?.click();

function findInList() {
  const field = /** @type {HTMLInputElement | null} */ ($("[data-find]"));
  field?.focus();
  field?.select();
}

/** @type {Actions} */
const EVERYWHERE = {
  "/": () => openDialog("palette"),
  f: findInList,
  "?": () => openDialog("keys"),
  g: () => {
    goPressedAt = performance.now();
  },
  p: () => live.pill?.click(),
  t: click("[data-toggle=theme]"),
  u: click("button[name=time_zone][aria-pressed=false]"),
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  x: tickRow,
  ".": click("[data-new-rows]:not([hidden])"),
  "]": click("[data-next-record]"),
  "[": click("[data-previous-record]"),
};

/**
 * Buttons that name their keys, those of the page ahead of those of the row.
 * @returns {Actions}
 */
function keysOfButtons() {
  const ofRow = $$("tr.focused [data-row-key]").map((one) => [one.dataset.rowKey, () => one.click()]);
  const ofPage = $$("[data-key]").map((one) => [one.dataset.key, () => one.click()]);
  return Object.fromEntries([...ofRow, ...ofPage]);
}

/**
 * Keys that act while somebody types, too. Returns whether this was one.
 * @param {KeyboardEvent} event
 */
function handleCommand(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openDialog("palette");
    return true;
  }
  if (event.key === "Escape" && closeOpenMenu()) return true;
  const cancel = event.key === "Escape" && $("[data-cancel]");
  if (cancel) cancel.click();
  return Boolean(cancel);
}

/**
 * The second key after `g` goes to the page that has it.
 * @param {KeyboardEvent} event
 */
function goToPage(event) {
  goPressedAt = 0;
  const link = $(`[data-go-key="${CSS.escape(event.key)}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
}

/** @param {KeyboardEvent} event */
function handleSingleKey(event) {
  const actions = { ...EVERYWHERE, ...keysOfButtons() };
  if (Object.hasOwn(actions, event.key)) {
    event.preventDefault();
    actions[event.key]();
  } else if (event.key === "Enter" && event.target === document.body) openRow();
}

/**
 * Does what a key stands for.
 * @param {KeyboardEvent} event
 */
export function handleKey(event) {
  if (handleCommand(event)) return;
  const isTyped = isTyping(event);
  if (event.key === "Escape" && isTyped && !closest(event, "dialog")) /** @type {HTMLElement} */ (event.target).blur();
  if (isTyped || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (!document.body.hasAttribute("data-single-keys")) return;
  if (event.key === " " && closest(event, "button, summary")) return; // Space presses these
  if (goPressedAt && performance.now() - goPressedAt < GO_MILLISECONDS) goToPage(event);
  else handleSingleKey(event);
}
