// Update Lead.

import { leadAction } from "../lead_action.js";
import { customFields, EMAIL, leadValues, OTHER_CUSTOM_FIELDS, PERSON_FIELDS, WORK_FIELDS } from "../lead_fields.js";

const EMPTIED_FIELDS = {
  key: "emptied_fields",
  label: "Fields to empty",
  list: true,
  choices: Object.fromEntries([EMAIL, ...PERSON_FIELDS].map((field) => [field.key, field.label])),
  helpText: "Fields that you leave blank above keep their values. Those that you name here lose them.",
};

export const updateLead = leadAction({
  key: "update_lead",
  label: "Update Lead",
  description: "Changes the fields of a lead that you fill in.",
  inputFields: [EMAIL, ...PERSON_FIELDS, ...WORK_FIELDS, customFields, OTHER_CUSTOM_FIELDS, EMPTIED_FIELDS],
  request: ({ emptied_fields: emptied = [], ...inputData }, z) => ({
    method: "PATCH",
    body: {
      ...Object.fromEntries(emptied.map((/** @type {string} */ name) => [name, null])),
      ...leadValues(z, inputData),
    },
  }),
});
