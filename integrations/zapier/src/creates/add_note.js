// Add Note to Lead.

import { LEAD_ID } from "../lead_fields.js";
import { idNumber } from "../numbers.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

/**
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function perform(z, bundle) {
  const path = `/api/v1/leads/${idNumber(z, LEAD_ID.label, bundle.inputData.lead_id)}/activities`;
  const body = { type: "note", text: bundle.inputData.text };
  const response = await z.request(path, { method: "POST", body });
  return response.data.data;
}

export const addNote = {
  key: "add_note",
  noun: "Note",
  display: { label: "Add Note to Lead", description: "Adds a note to a lead's timeline." },
  operation: {
    inputFields: [
      LEAD_ID,
      { key: "text", label: "Note", type: "text", required: true, helpText: "Up to 5,000 characters." },
    ],
    perform,
    outputFields: [
      { key: "id", label: "Entry ID", type: "integer" },
      { key: "lead_id", label: "Lead ID", type: "integer" },
      { key: "created_at", label: "Created at", type: "datetime" },
    ],
    sample: { id: 1, lead_id: 1842, type: "note.added", data: {}, created_at: "2026-03-28T09:15:00+00:00" },
  },
};
