// The builder of automations: steps are dragged or moved by keys, and a part shows its fields as its kind is chosen.
// Each button works without it.

import { watchPartFields } from "./scripts/automation_builder/part_fields.js";
import { watchStepMoves } from "./scripts/automation_builder/step_moves.js";

watchPartFields();
watchStepMoves();
