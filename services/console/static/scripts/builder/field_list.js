// The list of fields: they are dragged, or moved by keys, and rules get the answers to choose from.

import { $, $$ } from "../elements.js";
import { dragRows, moveRowsByKey } from "../row_moves.js";
import { form, press } from "./builder_form.js";
import { focusAfterSave, focusListAfterSave } from "./field_focus.js";

const FIELDS = "[data-place]";

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
  dragRows(form, { rows: FIELDS, grip: "[data-grip]", drop: (_, from, to) => press(`move:${from}-${to}`) });
  moveRowsByKey(form, FIELDS, (row, step) => {
    focusAfterSave("list");
    press(`${step < 0 ? "up" : "down"}:${row.dataset.place}`);
  });
  form.addEventListener("submit", noteAction);
}
