// Form Submitted: of one form, whose labels name the fields.

import { hookTrigger } from "../hook_trigger.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const FULL_NAME = [
  { key: "lead__first_name", label: "First name" },
  { key: "lead__last_name", label: "Last name" },
];

/**
 * Returns where the answers of the chosen form stand, under the labels that its visitors see.
 *
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function answerOutputs(z, bundle) {
  if (!bundle.inputData.form_id) return [];
  const path = `/api/v1/forms/${encodeURIComponent(bundle.inputData.form_id)}`;
  const response = await z.request(path, { skipThrowForStatus: true });
  const fields = response.status === 200 ? response.data.data.fields : [];
  return fields.flatMap((/** @type {{ maps_to: string | null, label: string }} */ { maps_to, label }) => {
    if (maps_to === "full_name") return FULL_NAME;
    return maps_to ? [{ key: `lead__${maps_to.replace(".", "__")}`, label }] : [];
  });
}

export const formSubmitted = hookTrigger({
  key: "form_submitted",
  noun: "Form Submission",
  label: "Form Submitted",
  description: "Triggers when somebody submits the form that you choose.",
  event: "form.submitted",
  filters: ["form_id"],
  outputs: [{ key: "data__form_id", label: "Form ID", type: "integer" }, answerOutputs],
  data: { form_id: 1 },
});
