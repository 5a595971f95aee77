// The list of fields: keys move a field, and rules get the answers to choose from.

import { $, $$, closest } from "../elements.js";
import { form, press } from "./builder_form.js";
import { focusAfterSave, focusListAfterSave } from "./field_focus.js";

/**
 * A line that asks about another question, or in another way, gets the answers to choose from. What was asked of the
 * question before means nothing to this one.
 * @param {HTMLSelectElement} select
 */
function askOther(select) {
  const row = /** @type {HTMLElement} */ (select.parentNode);
  if (select.name === "rule_field") $(".rule-value", row)?.remove();
  const line = $$(".rule-row", form).indexOf(row);
  focusAfterSave(`.rule-row:nth-of-type(${line + 1}) [name=${select.name}]`);
  press("rules");
}

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  const row = closest(event, "[data-place]");
  if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  focusAfterSave("list");
  press(`${event.key === "ArrowUp" ? "up" : "down"}:${row.dataset.place}`);
}

/** @param {SubmitEvent} event */
function noteAction({ submitter }) {
  const action = submitter instanceof HTMLButtonElement ? submitter.value : "";
  if (action.startsWith("add:")) focusAfterSave("label");
  if (action.startsWith("open:")) focusAfterSave("open");
  if (/^(up|down|move):/.test(action)) focusListAfterSave();
  const menus = /** @type {HTMLDetailsElement[]} */ ($$("details.add-field[open]", form));
  for (const menu of menus) menu.open = false;
}

export function watchFields() {
  form.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLSelectElement && target.matches("[data-rules]")) askOther(target);
  });
  form.addEventListener("keydown", moveByKey);
  form.addEventListener("submit", noteAction);
}
