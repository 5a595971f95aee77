// Fields of a lead: what a person fills in, and what is sent of it.

/** @import { Bundle, ZObject } from "zapier-platform-core" */

import { idNumber } from "./numbers.js";

const CUSTOM_PREFIX = "custom_field_";
const SAMPLED_LEADS = 100;
/** @type {Record<string, string>} */
const ID_LABELS = { pipeline_id: "Pipeline", pipeline_stage_id: "Stage", assigned_user_id: "Owner" };
const TEXT_FIELDS = ["email", "first_name", "last_name", "phone", "company", "job_title", "country", "source", "notes"];
const PLAIN_FIELDS = [...TEXT_FIELDS, "status", "starred", "tags"];

export const STATUS_CHOICES = {
  new: "New",
  contacted: "Contacted",
  qualified: "Qualified",
  converted: "Converted",
  lost: "Lost",
};

export const EMAIL = { key: "email", label: "Email", type: "string", placeholder: "grace@example.com" };

export const PERSON_FIELDS = [
  { key: "first_name", label: "First name" },
  { key: "last_name", label: "Last name" },
  { key: "phone", label: "Phone", helpText: "With `+` and the country code it is never ambiguous." },
  { key: "company", label: "Company" },
  { key: "job_title", label: "Job title" },
  { key: "country", label: "Country" },
  { key: "source", label: "Source", helpText: "Where the lead comes from, such as `webinar`." },
  { key: "notes", label: "Notes", type: "text" },
];

export const WORK_FIELDS = [
  { key: "status", label: "Status", choices: STATUS_CHOICES },
  { key: "pipeline_stage_id", label: "Stage", type: "integer", dynamic: "stages.id.label" },
  { key: "assigned_user_id", label: "Owner", type: "integer", dynamic: "users.id.name" },
  { key: "starred", label: "Starred", type: "boolean" },
];

export const TAGS = {
  key: "tags",
  label: "Tags",
  list: true,
  dynamic: "tags.name.name",
  helpText: "A tag that does not exist yet is created.",
};

export const OTHER_CUSTOM_FIELDS = {
  key: "custom_fields",
  label: "Other custom fields",
  dict: true,
  helpText: "A name and a value each.",
};

export const LEAD_ID = {
  key: "lead_id",
  label: "Lead ID",
  type: "integer",
  required: true,
  search: "find_lead.id",
  helpText: "The ID from an earlier step, such as **New Lead** or **Find Lead**.",
};

/**
 * Returns a field for each custom field that the newest leads have; none if the key may not read leads.
 *
 * @param {ZObject} z
 */
export async function customFields(z) {
  const params = { sort: "updated_at", direction: "desc", per_page: SAMPLED_LEADS };
  const response = await z.request("/api/v1/leads", { params, skipThrowForStatus: true });
  const leads = response.status === 200 ? response.data.data : [];
  const names = new Set(leads.flatMap((/** @type {any} */ lead) => Object.keys(lead.custom_fields)));
  return [...names].sort().map((name) => ({ key: CUSTOM_PREFIX + name, label: name }));
}

/**
 * Returns what is sent of a lead. Fields that were left empty are not sent.
 *
 * @param {ZObject} z
 * @param {Bundle<Record<string, any>>["inputData"]} inputData
 * @returns {Record<string, any>}
 */
export function leadValues(z, inputData) {
  const filled = Object.entries(inputData).filter(([, value]) => !isBlank(value));
  const values = Object.fromEntries(filled.filter(([name]) => PLAIN_FIELDS.includes(name)));
  for (const [name, value] of filled) if (ID_LABELS[name]) values[name] = idNumber(z, ID_LABELS[name], value);
  const named = filled.filter(([name]) => name.startsWith(CUSTOM_PREFIX));
  const customValues = Object.fromEntries(named.map(([name, value]) => [name.slice(CUSTOM_PREFIX.length), value]));
  const allCustom = { ...customValues, ...inputData.custom_fields };
  return Object.keys(allCustom).length ? { ...values, custom_fields: allCustom } : values;
}

/** @param {unknown} value */
export function isBlank(value) {
  return value === null || value === undefined || (typeof value === "string" && !value.trim());
}
