// The palette: what a search finds, to be chosen by keys.

import { $, $$, make } from "./elements.js";

/** @typedef {{href: string, icon: string, text: string, detail?: string, side?: string}} PaletteRow */
/** @typedef {{title: string, rows: PaletteRow[]}} PaletteGroup */

const SEARCH_DELAY = 120; // ms after the last key

/** @type {HTMLDialogElement} */
let dialog;
/** @type {HTMLInputElement} */
let input;
/** @type {HTMLElement} */
let results;
/** @type {AbortController | null} */
let request = null;
let timer = 0;
let chosen = 0;

/** @returns {HTMLElement[]} */
const options = () => $$("[role=option]", results);

async function search() {
  request?.abort();
  request = new AbortController();
  const url = `${dialog.dataset.source}?${new URLSearchParams({ q: input.value })}`;
  try {
    const answer = await fetch(url, { signal: request.signal, headers: { Accept: "application/json" } });
    if (answer.ok) show(await answer.json());
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
  }
}

/** @param {PaletteGroup[]} groups */
function show(groups) {
  results.replaceChildren(...groups.map(makeGroup));
  choose(0);
}

/**
 * @param {PaletteGroup} group
 * @param {number} number
 */
function makeGroup(group, number) {
  const box = make("div");
  const title = make("h3", { id: `palette-group-${number}`, textContent: group.title });
  const list = make("ul");
  box.setAttribute("role", "group");
  box.setAttribute("aria-labelledby", title.id);
  title.setAttribute("role", "presentation");
  list.setAttribute("role", "none");
  list.append(...group.rows.map(makeRow));
  box.append(title, list);
  return box;
}

/** @param {PaletteRow} row */
function makeRow(row) {
  const item = make("li", { id: `palette-row-${Math.random().toString(36).slice(2)}` });
  item.setAttribute("role", "option");
  const link = make("a", { href: row.href, tabIndex: -1 });
  link.append(
    make("bdi", { textContent: row.text }),
    make("span", { className: "faint text-2", textContent: row.detail ?? "" }),
    make("span", { className: "push", textContent: row.side ?? "" }),
  );
  item.append(link);
  return item;
}

/** @param {number} index */
function choose(index) {
  const all = options();
  chosen = Math.max(0, Math.min(index, all.length - 1));
  for (const [number, option] of all.entries()) option.setAttribute("aria-selected", String(number === chosen));
  if (!all.length) return;
  input.setAttribute("aria-activedescendant", all[chosen].id);
  all[chosen].scrollIntoView({ block: "nearest" });
}

/** @param {KeyboardEvent} event */
function handleKey(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter") {
    const link = options()[chosen]?.querySelector("a");
    if (!link) return; // the form searches
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
    else window.location.assign(link.href);
  }
}

function listen() {
  dialog.dataset.ready = "yes";
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(search, SEARCH_DELAY);
  });
  dialog.addEventListener("keydown", handleKey);
}

/**
 * Searches in the palette, which has been opened.
 * @param {HTMLDialogElement} opened
 */
export function startPalette(opened) {
  dialog = opened;
  input = /** @type {HTMLInputElement} */ ($("input[name=q]", dialog));
  results = /** @type {HTMLElement} */ ($("[role=listbox]", dialog));
  if (!dialog.dataset.ready) listen();
  input.select();
  search();
}
