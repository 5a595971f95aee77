// A job that the reader has just begun: when it ends, the rows show what came of it. Its undo stays until it is closed.

import { $, $$, make } from "../elements.js";

const ASK_MILLISECONDS = 1000;
const SLOW_MILLISECONDS = 5000; // between questions, once a job takes long
const QUICK_QUESTIONS = 30;

/**
 * @typedef {object} JobEnd
 * @property {boolean} hasEnded
 * @property {string} id
 * @property {string} text
 * @property {string} link
 * @property {string} label
 * @property {string} undo where the undo is sent, empty if there is none
 * @property {string} undoLabel
 * @property {string} close
 */

/** Shows the rows as they are now, unless some are ticked: these stay as they were chosen. */
async function refreshRows() {
  const rows = $("#lead-rows");
  if (!rows || $$("input[name=ids]:checked", rows).length) return;
  const response = await fetch(window.location.href, { headers: { "HX-Request": "true" } });
  if (!response.ok) return;
  const text = await response.text();
  await window.htmx.swap({ sourceElement: rows, target: rows, swap: "innerMorph", text });
}

/** @param {JobEnd} end */
function undoForm(end) {
  const form = make("form", { method: "post", action: end.undo });
  const back = window.location.pathname + window.location.search;
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name: "back", value: back });
  form.append(field, make("button", { textContent: end.undoLabel }));
  return form;
}

/**
 * @param {HTMLElement} toast
 * @param {JobEnd} end
 */
function showEnd(toast, end) {
  sessionStorage.setItem(`leadhub-job-${end.id}`, "told"); // no other toast says it again
  const close = make("button", { type: "button", textContent: end.close });
  close.dataset.dismiss = "toast";
  const link = make("a", { className: "link", href: end.link, textContent: end.label });
  const said = make("span", { textContent: end.text });
  toast.replaceChildren(said, link, ...(end.undo ? [undoForm(end)] : []), close);
}

/**
 * @param {HTMLElement} toast
 * @param {number} asked how often it was asked already
 */
async function askForEnd(toast, asked) {
  if (!toast.isConnected) return;
  const response = await fetch(toast.dataset.followJob ?? "").catch(() => null);
  /** @type {JobEnd | null} */
  const end = response?.ok ? await response.json() : null;
  if (!end?.hasEnded) {
    const pause = asked < QUICK_QUESTIONS ? ASK_MILLISECONDS : SLOW_MILLISECONDS;
    setTimeout(() => askForEnd(toast, asked + 1), pause);
    return;
  }
  showEnd(toast, end);
  await refreshRows();
}

export function followJob() {
  const toast = $("[data-toast][data-follow-job]");
  if (toast) askForEnd(toast, 0);
}
