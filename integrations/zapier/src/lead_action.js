// An action on one lead that answers the lead.

import { LEAD_ID } from "./lead_fields.js";
import { LEAD_SAMPLE, leadOutputs } from "./lead_outputs.js";
import { idNumber } from "./numbers.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

/**
 * @typedef {object} LeadAction
 * @property {string} key
 * @property {string} label
 * @property {string} description
 * @property {any[]} inputFields those after the lead's id
 * @property {(inputData: any, z: ZObject) => LeadRequest} request what is sent
 */

/** @typedef {{ method: "PATCH" | "POST", path?: string, body: object }} LeadRequest */

/** @param {LeadAction} action */
export function leadAction({ key, label, description, inputFields, request }) {
  return {
    key,
    noun: "Lead",
    display: { label, description },
    operation: {
      inputFields: [LEAD_ID, ...inputFields],
      perform: async (/** @type {ZObject} */ z, /** @type {Bundle<any>} */ bundle) => {
        const { method, path = "", body } = request(bundle.inputData, z);
        const url = `/api/v1/leads/${idNumber(z, LEAD_ID.label, bundle.inputData.lead_id)}${path}`;
        const response = await z.request(url, { method, body });
        return response.data.data;
      },
      outputFields: leadOutputs(),
      sample: LEAD_SAMPLE,
    },
  };
}
