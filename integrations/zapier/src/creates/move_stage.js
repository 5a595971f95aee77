// Move Lead to Stage.

import { leadAction } from "../lead_action.js";
import { idNumber } from "../numbers.js";

export const moveStage = leadAction({
  key: "move_stage",
  label: "Move Lead to Stage",
  description: "Moves a lead to a stage of a pipeline.",
  inputFields: [
    {
      key: "pipeline_id",
      label: "Pipeline",
      type: "integer",
      dynamic: "pipelines.id.name",
      altersDynamicFields: true,
      helpText: "Narrows the list of stages.",
    },
    { key: "stage_id", label: "Stage", type: "integer", dynamic: "stages.id.label", required: true },
  ],
  request: ({ stage_id: stageId }, z) => ({
    method: "PATCH",
    body: { pipeline_stage_id: idNumber(z, "Stage", stageId) },
  }),
});
