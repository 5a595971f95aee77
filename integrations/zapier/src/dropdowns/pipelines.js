// The workspace's pipelines.

import { dropdown } from "../dropdown.js";

export const pipelines = dropdown("pipelines", "Pipeline", "/api/v1/pipelines");
