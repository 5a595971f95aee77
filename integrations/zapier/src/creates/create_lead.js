// Create or Update Lead: as any source sends one. A known person is merged, not doubled.

import {
  customFields,
  EMAIL,
  leadValues,
  OTHER_CUSTOM_FIELDS,
  PERSON_FIELDS,
  TAGS,
  WORK_FIELDS,
} from "../lead_fields.js";
import { LEAD_SAMPLE, leadOutputs } from "../lead_outputs.js";
import { workspaceSlug } from "../workspace.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const EVENT_ID = {
  key: "event_id",
  label: "ID of what happened",
  helpText:
    "Such as the number of the order or the sign-up. A repeat with the same ID, such as a replay of the Zap, " +
    "changes nothing for a day. A time or a random text does not help: it is new at each attempt.",
};
const RESULT_OUTPUTS = [
  { key: "is_duplicate", label: "Was known already", type: "boolean" },
  { key: "submission_id", label: "Submission ID" },
  { key: "warnings", label: "Warnings", list: true },
];

/**
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function perform(z, bundle) {
  const { event_id: eventId, ...inputData } = bundle.inputData;
  /** @type {Record<string, string>} */
  const headers = eventId ? { "Idempotency-Key": `zapier-${z.hash("sha256", String(eventId))}` } : {};
  const params = { tenant: await workspaceSlug(z, bundle) };
  const body = leadValues(z, inputData);
  const response = await z.request("/api/inbound/leads", { method: "POST", params, headers, body });
  const { lead_id: id, status, ...result } = response.data;
  return { ...(await readLead(z, id)), ...result, id };
}

/**
 * Returns a lead that was stored just now. A key that may not read it, or has used up its hour, is no failure: a step
 * that fails is run again, and would send the lead again.
 *
 * @param {ZObject} z
 * @param {number | null} id null while the lead is stored and not yet decided
 */
async function readLead(z, id) {
  if (!id) return {};
  const quietly = { skipThrowForStatus: true, throwForThrottlingEarly: false };
  const response = await z.request(`/api/v1/leads/${id}`, quietly);
  return response.status === 200 ? response.data.data : {};
}

export const createLead = {
  key: "create_lead",
  noun: "Lead",
  display: {
    label: "Create or Update Lead",
    description: "Sends a lead. A lead with the same email or phone is updated, and its empty fields are filled.",
  },
  operation: {
    inputFields: [
      { ...EMAIL, required: true },
      ...PERSON_FIELDS,
      TAGS,
      ...WORK_FIELDS,
      customFields,
      OTHER_CUSTOM_FIELDS,
      EVENT_ID,
    ],
    perform,
    outputFields: [...leadOutputs(), ...RESULT_OUTPUTS],
    sample: { ...LEAD_SAMPLE, is_duplicate: false, submission_id: "01a21e3c-441e-77b7-bb7a-103167db2d9f" },
  },
};
