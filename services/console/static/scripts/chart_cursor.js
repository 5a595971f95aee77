// The crosshair of charts: the values under the pointer or by the arrow keys, and a stretch of time that is drawn out.

import { $, $$, closest, make } from "./elements.js";

const SEPARATOR = "|";
const GAP = 12; // pixels between the crosshair and what it says

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

const line = make("div", { className: "chart-line", hidden: true });
const stretch = make("div", { className: "chart-stretch", hidden: true });
const tip = make("div", { className: "chart-tip", hidden: true, role: "status" });

/** @type {{ chart: SVGSVGElement, place: number } | null} where the crosshair is: a point, counted from the oldest */
let shown = null;
/** @type {{ chart: SVGSVGElement, from: number } | null} where a stretch began */
let drawn = null;

const isMirrored = () => document.documentElement.dir === "rtl";

/** @param {SVGSVGElement} chart */
const timesOf = (chart) => (chart.dataset.times ?? "").split(SEPARATOR);

/** @param {SVGSVGElement} chart */
const plotOf = (chart) => /** @type {SVGElement} */ ($(".plot", chart)).getBoundingClientRect();

/**
 * The point of a chart that is nearest to a place of the window.
 * @param {SVGSVGElement} chart
 * @param {number} x
 */
function pointAt(chart, x) {
  const { left, right, width } = plotOf(chart);
  const share = (isMirrored() ? right - x : x - left) / width;
  const last = timesOf(chart).length - 1;
  return Math.max(0, Math.min(last, Math.round(share * last)));
}

/**
 * @param {SVGSVGElement} chart
 * @param {number} place
 */
function placeOf(chart, place) {
  const { left, right, width } = plotOf(chart);
  const along = (width * place) / Math.max(timesOf(chart).length - 1, 1);
  return isMirrored() ? right - along : left + along;
}

/**
 * @param {HTMLElement} box
 * @param {Record<string, number>} edges
 */
function put(box, edges) {
  for (const [name, value] of Object.entries(edges)) box.style.setProperty(name, `${value}px`);
  box.hidden = false;
}

/**
 * @param {SVGSVGElement} chart
 * @param {number} place
 */
function valueRows(chart, place) {
  return /** @type {SVGGElement[]} */ ($$("[data-texts]", chart)).map((series) => {
    const { name = "", texts = "" } = series.dataset;
    const row = make("span", { className: series.getAttribute("class") ?? "" });
    row.append(name, make("b", { textContent: texts.split(SEPARATOR)[place] ?? "" }));
    return row;
  });
}

function hide() {
  for (const box of [line, tip, stretch]) box.hidden = true;
  shown = drawn = null;
}

/**
 * @param {SVGSVGElement} chart
 * @param {number} place
 */
function show(chart, place) {
  const times = timesOf(chart);
  const { top, height } = plotOf(chart);
  const left = placeOf(chart, place);
  const from = drawn?.chart === chart ? times[drawn.from] : times[place];
  tip.replaceChildren(
    make("b", { textContent: from === times[place] ? times[place] : `${from} – ${times[place]}` }),
    ...valueRows(chart, place),
  );
  put(line, { left, top, height });
  put(tip, { top });
  const isLate = left + GAP + tip.offsetWidth > window.innerWidth - GAP;
  put(tip, { left: isLate ? left - GAP - tip.offsetWidth : left + GAP });
  shown = { chart, place };
  if (drawn?.chart !== chart) return;
  const other = placeOf(chart, drawn.from);
  put(stretch, { left: Math.min(left, other), top, height, width: Math.abs(left - other) });
}

/** @param {Event} event */
const chartOf = (event) =>
  /** @type {SVGSVGElement | null} */ (/** @type {unknown} */ (closest(event, "svg.chart[data-times]")));

/**
 * Goes to the list of what came in a stretch of time, its first and last point included.
 * @param {SVGSVGElement} chart
 * @param {number} one
 * @param {number} other
 */
function openRange({ dataset }, one, other) {
  const step = Number(dataset.step) * 1000;
  const at = (/** @type {number} */ place) => new Date(Number(dataset.start) + place * step).toISOString();
  const query = { received_after: at(Math.min(one, other)), received_before: at(Math.max(one, other) + 1) };
  window.location.assign(`${dataset.range}?${new URLSearchParams(query)}`);
}

/** @param {KeyboardEvent} event */
function moveByKey(event) {
  const chart = chartOf(event);
  const step = STEPS[event.key];
  if (event.key === "Escape") hide();
  if (!chart || !step) return;
  event.preventDefault();
  const last = timesOf(chart).length - 1;
  const next = (shown?.chart === chart ? shown.place : last + 1) + (isMirrored() ? -step : step);
  show(chart, Math.max(0, Math.min(last, next)));
}

function watchPointer() {
  document.addEventListener("pointermove", (event) => {
    const chart = drawn?.chart ?? chartOf(event);
    if (chart?.isConnected) show(chart, pointAt(chart, event.clientX));
    else if (shown) hide();
  });
  document.addEventListener("pointerdown", (event) => {
    const chart = chartOf(event);
    if (!chart?.dataset.range || event.button) return;
    event.preventDefault(); // no text is selected
    drawn = { chart, from: pointAt(chart, event.clientX) };
  });
  document.addEventListener("pointerup", (event) => {
    if (!drawn) return;
    const { chart, from } = drawn;
    const to = pointAt(chart, event.clientX);
    hide();
    if (to !== from) openRange(chart, from, to);
  });
}

export function showChartValues() {
  if (!$("svg.chart[data-times]")) return;
  document.body.append(stretch, line, tip);
  watchPointer();
  document.addEventListener("pointercancel", hide);
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", moveByKey);
  document.addEventListener("focusout", hide);
  document.addEventListener("live-message", () => {
    if (shown?.chart.isConnected) show(shown.chart, shown.place);
  });
}
