// Stages of all pipelines, or of the chosen one.

import { dropdown } from "../dropdown.js";

export const stages = dropdown("stages", "Stage", "/api/v1/pipelines", (pipeline, { pipeline_id: chosen }) => {
  if (chosen && Number(chosen) !== pipeline.id) return [];
  return pipeline.stages.map((/** @type {any} */ stage) => ({ ...stage, label: `${pipeline.name}: ${stage.name}` }));
});
