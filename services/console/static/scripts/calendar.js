// A calendar beside each field for a date. Weeks begin on Monday, as the dates of the fields are those of ISO 8601.

import { $, closest, make } from "./elements.js";
import { placeAt } from "./placing.js";

const DAY_MILLISECONDS = 86_400_000;
const WEEK_DAYS = 7;
const WEEKS = 6;
const MONDAY = Date.UTC(2024, 0, 1); // any
const DATE = /^\d{4}-\d{2}-\d{2}/;
const TIME = /[ T](\d{2}:\d{2})/;
const MIDNIGHT = "00:00";

/** @type {Record<string, number>} Days by which a key moves; those of the arrows are as on a page to the right. */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -WEEK_DAYS, ArrowDown: WEEK_DAYS };

/** @type {HTMLInputElement | null} */
let field = null;

/** @param {number} day in milliseconds */
const isoDay = (day) => new Date(day).toISOString().slice(0, 10);

const today = () => Date.parse(isoDay(Date.now() - new Date().getTimezoneOffset() * 60_000));

/**
 * Days in the words of the page, with the digits of the fields.
 * @param {Intl.DateTimeFormatOptions} options
 */
const words = (options) =>
  new Intl.DateTimeFormat(`${document.documentElement.lang || "en"}-u-nu-latn-ca-gregory`, {
    ...options,
    timeZone: "UTC",
  });

/**
 * The same day in a month before or after, or the last day of it.
 * @param {number} day
 * @param {number} months
 */
function monthsLater(day, months) {
  const date = new Date(day);
  const last = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0);
  return Math.min(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, date.getUTCDate()), last);
}

/** @param {number} day */
function firstShown(day) {
  const first = new Date(`${isoDay(day).slice(0, 8)}01`);
  return first.getTime() - ((first.getUTCDay() + 6) % WEEK_DAYS) * DAY_MILLISECONDS;
}

/**
 * @param {number} day
 * @param {number} shown the day that has the focus
 * @param {string} chosen
 */
function dayCell(day, shown, chosen) {
  const cell = make("td");
  const iso = isoDay(day);
  const isOther = iso.slice(0, 7) !== isoDay(shown).slice(0, 7);
  const button = make("button", {
    type: "button",
    textContent: String(new Date(day).getUTCDate()),
    tabIndex: day === shown ? 0 : -1,
    ariaLabel: words({ dateStyle: "full" }).format(day),
    ariaPressed: String(iso === chosen),
    className: isOther ? "faint" : "",
  });
  button.dataset.day = iso;
  if (day === today()) button.ariaCurrent = "date";
  cell.append(button);
  return cell;
}

/**
 * Shows the month of a day, which gets the focus.
 * @param {HTMLDialogElement} dialog
 * @param {number} day
 * @param {boolean} [hasFocus]
 */
function showMonth(dialog, day, hasFocus = true) {
  const title = $("[data-month]", dialog);
  if (title) title.textContent = words({ month: "long", year: "numeric" }).format(day);
  const first = firstShown(day);
  const chosen = DATE.exec(field?.value ?? "")?.[0] ?? "";
  const rows = [...Array(WEEKS).keys()].map((week) => {
    const row = make("tr");
    const days = [...Array(WEEK_DAYS).keys()].map((place) => first + (week * WEEK_DAYS + place) * DAY_MILLISECONDS);
    row.append(...days.map((one) => dayCell(one, day, chosen)));
    return row;
  });
  $("tbody", dialog)?.replaceChildren(...rows);
  dialog.dataset.shown = isoDay(day);
  if (hasFocus) $("button[tabindex='0']", dialog)?.focus();
}

/**
 * Writes a day into the field, before the time that it has.
 * @param {HTMLDialogElement} dialog
 * @param {string} day
 */
function choose(dialog, day) {
  dialog.close();
  if (!field) return;
  const time = field.dataset.moment === "day" ? "" : ` ${TIME.exec(field.value)?.[1] ?? MIDNIGHT}`;
  field.value = day + time;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
  field.setSelectionRange(day.length + 1, field.value.length); // the time is what is typed next
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {KeyboardEvent} event
 */
function moveByKey(dialog, event) {
  const shown = Date.parse(dialog.dataset.shown ?? "");
  const isMirrored = getComputedStyle(dialog).direction === "rtl" && event.key.startsWith("Arrow");
  const step = STEPS[event.key] ?? 0;
  const days = isMirrored && Math.abs(step) === 1 ? -step : step;
  const months = { PageUp: -1, PageDown: 1 }[event.key] ?? 0;
  if (!days && !months) return;
  event.preventDefault();
  showMonth(dialog, months ? monthsLater(shown, months) : shown + days * DAY_MILLISECONDS);
}

/**
 * The title of a month, between the buttons that show the one before and the one after.
 * @param {HTMLDialogElement} dialog
 * @param {DOMStringMap} labels
 */
function monthHeader(dialog, { earlier = "", later = "" }) {
  const [before, after] = [earlier, later].map((ariaLabel, place) => {
    const className = `button plain icon small ${place ? "later" : "earlier"}`;
    const button = make("button", { type: "button", className, ariaLabel });
    button.addEventListener("click", () => {
      showMonth(dialog, monthsLater(Date.parse(dialog.dataset.shown ?? ""), place ? 1 : -1), false);
    });
    return button;
  });
  const title = make("b", { ariaLive: "polite" });
  title.dataset.month = "";
  const header = make("header");
  header.append(before, title, after);
  return header;
}

function monthTable() {
  const names = make("tr");
  for (let place = 0; place < WEEK_DAYS; place++) {
    const day = MONDAY + place * DAY_MILLISECONDS;
    const abbr = words({ weekday: "long" }).format(day);
    names.append(make("th", { scope: "col", abbr, textContent: words({ weekday: "narrow" }).format(day) }));
  }
  const [table, head] = [make("table"), make("thead")];
  head.append(names);
  table.append(head, make("tbody"));
  return table;
}

/**
 * The calendar of the page, made when it is first opened.
 * @param {HTMLElement} opener
 */
function makeCalendar(opener) {
  const dialog = make("dialog", { className: "calendar" });
  dialog.ariaLabel = opener.ariaLabel;
  dialog.append(monthHeader(dialog, opener.dataset), monthTable());
  dialog.addEventListener("keydown", (event) => moveByKey(dialog, event));
  dialog.addEventListener("click", (event) => {
    const { day } = closest(event, "[data-day]")?.dataset ?? {};
    if (day) choose(dialog, day);
  });
  document.body.append(dialog);
  return dialog;
}

export function offerCalendars() {
  document.addEventListener("click", (event) => {
    const opener = closest(event, "[data-calendar]");
    field = opener?.parentElement?.querySelector("input") ?? field;
    if (!opener || !field) return;
    const dialog = /** @type {HTMLDialogElement} */ ($("dialog.calendar") ?? makeCalendar(opener));
    const asked = Date.parse(DATE.exec(field.value)?.[0] ?? "");
    dialog.showModal();
    showMonth(dialog, Number.isNaN(asked) ? today() : asked);
    placeAt(dialog, field);
  });
}
