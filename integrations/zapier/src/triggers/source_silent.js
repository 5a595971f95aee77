// Source Silent.

import { hookTrigger } from "../hook_trigger.js";

export const sourceSilent = hookTrigger({
  key: "source_silent",
  noun: "Source",
  label: "Source Silent",
  description: "Triggers when a source or a form has sent nothing for as long as its alarm allows.",
  event: "source.silent",
  filters: [],
  outputs: [
    { key: "data__name", label: "Name" },
    { key: "data__type", label: "Type" },
    { key: "data__integration_id", label: "Source ID", type: "integer" },
    { key: "data__form_id", label: "Form ID", type: "integer" },
    { key: "data__last_received_at", label: "Last lead at", type: "datetime" },
    { key: "data__silence_after_minutes", label: "Allowed silence in minutes", type: "integer" },
  ],
  lead: null,
  data: {
    integration_id: 7,
    form_id: null,
    name: "Website",
    type: "webhook",
    last_received_at: "2026-03-28T08:15:00+00:00",
    silence_after_minutes: 60,
  },
});
