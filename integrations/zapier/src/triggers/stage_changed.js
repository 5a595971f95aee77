// Stage Changed.

import { hookTrigger } from "../hook_trigger.js";

export const stageChanged = hookTrigger({
  key: "stage_changed",
  noun: "Lead",
  label: "Stage Changed",
  description: "Triggers when a lead comes to another stage of a pipeline.",
  event: "lead.stage_changed",
  filters: ["stage_id", "sources", "tag"],
  outputs: [
    { key: "data__from", label: "From stage ID", type: "integer" },
    { key: "data__to", label: "To stage ID", type: "integer" },
  ],
  data: { from: 1, to: 2 },
});
