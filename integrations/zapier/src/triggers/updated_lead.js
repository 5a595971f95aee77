// Updated Lead.

import { hookTrigger } from "../hook_trigger.js";

export const updatedLead = hookTrigger({
  key: "updated_lead",
  noun: "Lead",
  label: "Updated Lead",
  description: "Triggers when fields of a lead change.",
  event: "lead.updated",
  filters: ["sources", "tag", "stage_id"],
  outputs: [{ key: "data__fields", label: "Changed fields", list: true }],
  data: { fields: ["company"], changes: { company: { from: null, to: "Example" } } },
});
