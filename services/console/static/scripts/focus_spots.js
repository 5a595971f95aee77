// A control of a page, by what is still true of it when the page comes again: it may be gone then, or its row.

import { $, $$ } from "./elements.js";

const ROWS = "tr, li, [data-row], [data-sortable-row]";
const LISTS = "main tbody, main ul, main ol";
const FOCUSABLE =
  "a[href], button:enabled, input:enabled:not([type=hidden]), select:enabled, textarea:enabled, summary";
const CHOICES = "button, [type=radio], [type=checkbox]"; // whose values stay

/**
 * Selectors of the control and of its row, empty where nothing tells them apart; the row's place in its list; the
 * place of the control's section among those of the page. Places count from 0, -1 is none.
 * @typedef {{control: string, row: string, list: number, place: number, section: number}} Spot
 */

/**
 * @param {Element} element
 * @param {string} name
 */
function attributeOf(element, name) {
  const value = element.getAttribute(name);
  return value === null ? "" : `[${name}="${CSS.escape(value)}"]`;
}

/** @param {Element} control */
function selectorOf(control) {
  if (control.id) return `#${CSS.escape(control.id)}`;
  const form = control.closest("form");
  const names = ["href", "name", ...(control.matches(CHOICES) ? ["value"] : [])];
  const own = names.map((name) => attributeOf(control, name)).join("");
  const outer = form && attributeOf(form, "action");
  return own || outer ? `${outer ? `form${outer} ` : ""}${control.localName}${own}` : "";
}

/** @param {Element} row */
function rowSelector(row) {
  if (row.id) return `#${CSS.escape(row.id)}`;
  const link = $("a[href]", row);
  return link ? `:is(${ROWS}):has(a${attributeOf(link, "href")})` : "";
}

/**
 * @param {Element} control
 * @returns {Spot}
 */
export function spotOf(control) {
  const row = control.closest(ROWS);
  const list = row?.parentElement;
  const section = control.closest("main section");
  return {
    control: selectorOf(control),
    row: row ? rowSelector(row) : "",
    list: list ? $$(LISTS).indexOf(list) : -1,
    place: row && list ? [...list.children].indexOf(row) : -1,
    section: section ? $$("main section").indexOf(/** @type {HTMLElement} */ (section)) : -1,
  };
}

/**
 * What can have the focus in place of an element: a menu that is closed stands for what is in it.
 * @param {HTMLElement | null | undefined} element
 */
function shown(element) {
  if (!element || element.matches(":disabled")) return null;
  const menu = element.closest("details:not([open])");
  if (menu && element.localName !== "summary") return $("summary", menu);
  return element.checkVisibility({ visibilityProperty: true }) ? element : null;
}

/** @param {Element | null | undefined} row */
const firstIn = (row) => (row ? (shown($("a.name", row)) ?? $$(FOCUSABLE, row).find(shown) ?? null) : null);

/**
 * The control as the page has it now.
 * @param {Spot} spot
 */
export const findControl = ({ control }) => shown(control ? $(control) : null);

/**
 * The control, otherwise its row, the row in its place, or the heading of its section.
 * @param {Spot} spot
 * @returns {HTMLElement | null}
 */
export function findSpot(spot) {
  const { row, list, place, section } = spot;
  const rows = [...($$(LISTS)[list]?.children ?? [])];
  return (
    findControl(spot) ??
    firstIn(row ? $(row) : null) ??
    firstIn(rows[Math.min(place, rows.length - 1)]) ??
    shown($("h2, h3", $$("main section")[section] ?? document.createElement("p")))
  );
}
