// What a trigger may be narrowed to: a field to fill in, the filter that is sent, and which samples fit.

import { idNumber } from "./numbers.js";

/** @import { ZObject } from "zapier-platform-core" */

/**
 * @typedef {{ lead: any, data: any, event: string, test?: boolean }} LeadHubEvent
 * @typedef {object} EventFilter
 * @property {Record<string, any>} field
 * @property {(value: any, z: ZObject) => any} read
 * @property {(event: LeadHubEvent, value: any) => boolean} fits
 */

/** @param {string} text */
const folded = (text) =>
  String(text ?? "")
    .trim()
    .toLowerCase();

/** @type {Record<string, EventFilter>} */
export const EVENT_FILTERS = {
  sources: {
    field: { key: "sources", label: "Only from these sources", list: true, helpText: "Such as `website`." },
    read: (values) => values.filter(folded),
    fits: (event, values) => values.map(folded).includes(folded(event.lead.source)),
  },
  tag: {
    field: { key: "tag", label: "Only with this tag", dynamic: "tags.name.name" },
    read: String,
    fits: (event, value) =>
      event.event === "tag.added"
        ? folded(event.data.tag) === folded(value)
        : event.lead.tags.map(folded).includes(folded(value)),
  },
  stage_id: {
    field: { key: "stage_id", label: "Only in this stage", type: "integer", dynamic: "stages.id.label" },
    read: (value, z) => idNumber(z, "Only in this stage", value),
    fits: (event, value) => event.lead.pipeline_stage_id === value,
  },
  form_id: {
    field: { key: "form_id", label: "Form", type: "integer", dynamic: "forms.id.name", required: true },
    read: (value, z) => idNumber(z, "Form", value),
    fits: (event, value) => event.data.form_id === value,
  },
};

/**
 * Returns the filters that a person has set, as a subscription takes them.
 *
 * @param {ZObject} z
 * @param {Record<string, any>} inputData
 * @param {string[]} names
 * @returns {Record<string, any>}
 */
export function chosenFilters(z, inputData, names) {
  const isChosen = (/** @type {string} */ name) =>
    Array.isArray(inputData[name]) ? inputData[name].length : inputData[name];
  return Object.fromEntries(names.filter(isChosen).map((name) => [name, EVENT_FILTERS[name].read(inputData[name], z)]));
}

/**
 * Tells whether a subscription with these filters would bring an event. A made-up one always shows the right fields.
 *
 * @param {LeadHubEvent} event
 * @param {Record<string, any>} filters
 */
export function fitsFilters(event, filters) {
  return event.test || Object.entries(filters).every(([name, value]) => EVENT_FILTERS[name].fits(event, value));
}
