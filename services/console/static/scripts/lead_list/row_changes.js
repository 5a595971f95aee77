// Changes from a row of the list: on the page at once, and on the server, which may refuse.

import { $, $$, make } from "../elements.js";
import { say } from "../toasts.js";

/**
 * What the server says of a change. `value` is the one that the lead has, where it is another than the row showed.
 * @typedef {{text?: string, value?: number | null, status?: string}} ChangeAnswer
 */

/** What the page says, and where changes are sent. Absent where the reader changes nothing. */
export const changes = /** @type {HTMLElement | null} */ ($("[data-row-changes]"));

/** @param {HTMLElement} link the cell that is changed */
const rowOf = (link) => /** @type {HTMLElement} */ (link.closest("[data-lead]"));

/** @param {HTMLElement} link */
const shownIn = (link) => /** @type {HTMLElement} */ ($("[data-shown]", link));

/**
 * @param {HTMLElement} row
 * @param {Record<string, string>} fields
 * @returns {Promise<{isDone: boolean, answer: ChangeAnswer | null}>}
 */
async function post(row, fields) {
  const path = `${changes?.dataset.rowChanges}/${row.dataset.lead}/row`;
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(path, { method: "POST", body: new URLSearchParams(fields), headers });
    const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
    const answer = isJson ? await response.json() : null;
    return { isDone: response.ok && answer !== null, answer };
  } catch {
    return { isDone: false, answer: { text: changes?.dataset.failed } };
  }
}

/**
 * Shows a value in a cell as its menu shows it.
 * @param {HTMLElement} link
 * @param {string} value
 */
function showValue(link, value) {
  const item = $(`[data-row-menu="${link.dataset.rowEdit}"] [data-value="${CSS.escape(value)}"] [data-shown]`);
  link.dataset.value = value;
  if (item) shownIn(link).replaceChildren(...[...item.childNodes].map((node) => node.cloneNode(true)));
}

/**
 * Gives a lead another stage or owner. A cell whose change has no answer yet stays as it is.
 * @param {HTMLElement} link
 * @param {string} value
 * @param {{status?: string, isUndo?: boolean}} [options] `status`: the one that the lead gets back
 */
export async function changeReference(link, value, { status = "", isUndo = false } = {}) {
  const { value: seen = "0", rowEdit: field = "" } = link.dataset;
  const row = rowOf(link);
  const before = [...shownIn(link).childNodes];
  const statusBefore = row.dataset.status ?? "";
  if (value === seen || link.dataset.busy) return;
  link.dataset.busy = "yes";
  showValue(link, value);
  const { isDone, answer } = await post(row, { field, value, seen, status });
  delete link.dataset.busy;
  if (answer?.status) row.dataset.status = answer.status;
  if (isDone) {
    const undo = () => changeReference(link, seen, { status: field === "stage" ? statusBefore : "", isUndo: true });
    if (isUndo) say(changes?.dataset.undone);
    else say(answer?.text, { undo, label: changes?.dataset.undo });
    return;
  }
  link.dataset.value = seen;
  shownIn(link).replaceChildren(...before);
  if (answer?.value !== undefined && answer.value !== null) showValue(link, String(answer.value));
  say(answer?.text ?? changes?.dataset.refused);
}

/**
 * The tags of a lead, from its cell.
 * @param {HTMLElement} link
 * @returns {string[]}
 */
export const tagsOf = (link) => JSON.parse(link.dataset.value ?? "[]");

/**
 * @param {HTMLElement} link
 * @param {string} name
 * @param {boolean} isAdded
 */
function showTag(link, name, isAdded) {
  const others = tagsOf(link).filter((one) => one !== name);
  link.dataset.value = JSON.stringify(isAdded ? [...others, name] : others);
  const shown = shownIn(link);
  for (const tag of $$(".tag", shown)) if (tag.textContent.trim() === name) tag.remove();
  if (!isAdded) return;
  const known = $(`[data-row-menu="tag"] [data-value="${CSS.escape(name)}"] .tag`);
  const tag = known?.cloneNode(true) ?? make("span", { className: "tag", textContent: name });
  shown.append(tag);
}

/**
 * Adds a tag to a lead, or takes it away.
 * @param {HTMLElement} link
 * @param {string} name
 * @param {boolean} isAdded
 * @param {boolean} [isUndo]
 */
export async function changeTag(link, name, isAdded, isUndo = false) {
  if (link.dataset.busy) return;
  link.dataset.busy = "yes";
  showTag(link, name, isAdded);
  const { isDone, answer } = await post(rowOf(link), { field: isAdded ? "add_tag" : "remove_tag", value: name });
  delete link.dataset.busy;
  if (!isDone) {
    showTag(link, name, !isAdded);
    say(answer?.text ?? changes?.dataset.refused);
  } else if (isUndo) say(changes?.dataset.undone);
  else say(answer?.text, { undo: () => changeTag(link, name, !isAdded, true), label: changes?.dataset.undo });
}
