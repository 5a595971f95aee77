// What gets the focus after the next save, since the answer replaces what had it.

import { $ } from "../elements.js";
import { form } from "./builder_form.js";

/** @type {string | null} */
let wanted = null; // `list`, `label`, `open`, or a selector

/** @param {string} target `list`, `label`, `open`, or a selector */
export function focusAfterSave(target) {
  wanted = target;
}

// Of two reasons to be in the list, the first one decides.
export function focusListAfterSave() {
  wanted ??= "list";
}

function openPlace() {
  const field = /** @type {HTMLInputElement | null} */ ($("input[name=field]", form));
  return Number(field?.value || -1);
}

/** Gives the focus to what was wanted, once. */
export function restoreFocus() {
  const target = wanted;
  wanted = null;
  showKey();
  if (target === "list") $(`[data-place="${openPlace()}"] button`, form)?.focus();
  else if (target === "label") /** @type {HTMLInputElement | null} */ ($("#i-f_label"))?.select();
  else if (target === "open") showOpenField();
  else if (target) $(target, form)?.focus();
}

// The key that a field has of itself stands where another one may be typed.
function showKey() {
  const key = /** @type {HTMLInputElement | null} */ ($("#i-f_key"))?.value;
  const custom = /** @type {HTMLInputElement | null} */ ($("#i-f_custom"));
  if (key && custom) custom.placeholder = key;
}

// On narrow screens the field is below the list.
function showOpenField() {
  if (matchMedia("(max-width: 60rem)").matches) $("#open-field")?.scrollIntoView({ block: "start" });
}
