// Find Lead: the one that is known by an address or a number, in any spelling.

import { EMAIL, isBlank } from "../lead_fields.js";
import { LEAD_SAMPLE, leadOutputs } from "../lead_outputs.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const CONTACT_FIELDS = ["email", "phone"];

/**
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function perform(z, bundle) {
  const names = CONTACT_FIELDS.filter((name) => !isBlank(bundle.inputData[name]));
  if (!names.length) throw new z.errors.Error("Fill in an email or a phone.", "InvalidData", 400);
  for (const name of names) {
    const params = { [name]: bundle.inputData[name] };
    const response = await z.request("/api/v1/leads", { params });
    if (response.data.data.length) return response.data.data;
  }
  return [];
}

export const findLead = {
  key: "find_lead",
  noun: "Lead",
  display: { label: "Find Lead", description: "Finds a lead by its exact email or phone, in any spelling." },
  operation: {
    inputFields: [EMAIL, { key: "phone", label: "Phone", helpText: "Is looked for where no lead has the email." }],
    perform,
    outputFields: leadOutputs(),
    sample: LEAD_SAMPLE,
  },
};
