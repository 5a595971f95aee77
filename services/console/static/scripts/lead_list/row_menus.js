// The menus of rows: a click or a key opens one at the cell, arrows walk over it, typing narrows it.

import { $, $$, closest } from "../elements.js";
import { placeAt } from "../placing.js";
import { markRow } from "../row_focus.js";
import { changeReference, changes, changeTag, tagsOf } from "./row_changes.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** @type {HTMLElement | null} */
let changedCell = null;

/**
 * @param {HTMLElement} menu
 * @returns {HTMLButtonElement[]}
 */
const itemsOf = (menu) => $$("button[data-value]:not([hidden], :disabled)", menu);

/**
 * Shows what the cell has: a stage and an owner cannot be chosen again, a tag is ticked.
 * @param {HTMLElement} menu
 * @param {HTMLElement} link
 */
function showState(menu, link) {
  const tags = menu.dataset.rowMenu === "tag" ? tagsOf(link) : [];
  for (const item of /** @type {HTMLButtonElement[]} */ ($$("button[data-value]", menu))) {
    item.hidden = false;
    if (menu.dataset.rowMenu === "tag") item.ariaChecked = String(tags.includes(item.dataset.value ?? ""));
    else item.disabled = item.dataset.value === link.dataset.value;
  }
}

/** @param {HTMLElement} link */
function openMenu(link) {
  /** @type {HTMLDialogElement | null} */
  const menu = $(`[data-row-menu="${link.dataset.rowEdit}"]`);
  const row = /** @type {HTMLElement | null} */ (link.closest("[data-lead]"));
  if (!menu || !row || menu.open) return;
  changedCell = link;
  markRow(row);
  const name = $("[data-menu-name]", menu);
  if (name) name.textContent = $("a.name", row)?.textContent.trim() ?? "";
  const field = /** @type {HTMLInputElement | null} */ ($("[data-menu-find]", menu));
  if (field) field.value = "";
  delete menu.dataset.typed; // so that a click beside the menu closes it
  showState(menu, link);
  menu.showModal();
  placeAt(menu, link);
  (field ?? itemsOf(menu)[0])?.focus();
}

/**
 * @param {HTMLDialogElement} menu
 * @param {HTMLElement} item
 */
function choose(menu, item) {
  menu.close();
  const { value = "" } = item.dataset;
  if (!changedCell) return;
  if (menu.dataset.rowMenu === "tag") changeTag(changedCell, value, item.ariaChecked !== "true");
  else changeReference(changedCell, value);
}

/** @param {HTMLDialogElement} menu */
function chooseTyped(menu) {
  const field = /** @type {HTMLInputElement | null} */ ($("[data-menu-find]", menu));
  const text = field?.value.trim() ?? "";
  if (!text) return;
  const [first] = itemsOf(menu);
  const isTag = menu.dataset.rowMenu === "tag";
  const same = itemsOf(menu).find((item) => item.dataset.value?.toLowerCase() === text.toLowerCase());
  if (isTag && !same && changedCell) {
    menu.close();
    changeTag(changedCell, text, true);
  } else if (same ?? first) choose(menu, same ?? first);
}

/**
 * @param {HTMLDialogElement} menu
 * @param {KeyboardEvent} event
 */
function menuKey(menu, event) {
  const step = STEPS[event.key];
  const field = $("[data-menu-find]", menu);
  if (event.key === "Enter" && event.target === field) {
    event.preventDefault();
    chooseTyped(menu);
  } else if (step) {
    event.preventDefault();
    const items = itemsOf(menu);
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    items[at < 0 && step < 0 ? items.length - 1 : (at + step + items.length) % items.length]?.focus();
  }
}

/** @param {HTMLDialogElement} menu */
function watchMenu(menu) {
  menu.addEventListener("click", (event) => {
    const item = closest(event, "button[data-value]");
    if (item) choose(menu, item);
  });
  menu.addEventListener("keydown", (event) => menuKey(menu, event));
  menu.addEventListener("input", (event) => {
    const field = /** @type {HTMLInputElement} */ (event.target);
    const text = field.value.trim().toLowerCase();
    for (const item of $$("button[data-value]", menu)) item.hidden = !item.textContent.toLowerCase().includes(text);
  });
}

export function changeRowsByMenus() {
  if (!changes) return;
  for (const menu of /** @type {HTMLDialogElement[]} */ ($$("[data-row-menu]", changes))) watchMenu(menu);
  document.addEventListener("click", (event) => {
    const link = closest(event, "[data-row-edit]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openMenu(link);
  });
}
