// New Lead.

import { hookTrigger } from "../hook_trigger.js";

export const newLead = hookTrigger({
  key: "new_lead",
  noun: "Lead",
  label: "New Lead",
  description: "Triggers when a lead is created, by any channel. A person who is known already is no new lead.",
  event: "lead.created",
  filters: ["sources", "tag"],
  outputs: [
    { key: "data__source", label: "Sent by source" },
    { key: "data__channel", label: "Channel" },
    { key: "data__submission_id", label: "Submission ID" },
  ],
  data: { source: "website", channel: "inbound", submission_id: "01a21e3c-441e-77b7-bb7a-103167db2d9f" },
});
