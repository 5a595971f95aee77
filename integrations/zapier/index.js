// LeadHub's app for Zapier: what Zapier loads.

import zapier from "zapier-platform-core";
import packageJson from "./package.json" with { type: "json" };
import { refuseErrors } from "./src/answers.js";
import { authentication } from "./src/authentication.js";
import { addNote } from "./src/creates/add_note.js";
import { addTag } from "./src/creates/add_tag.js";
import { createLead } from "./src/creates/create_lead.js";
import { createTask } from "./src/creates/create_task.js";
import { moveStage } from "./src/creates/move_stage.js";
import { updateLead } from "./src/creates/update_lead.js";
import { forms } from "./src/dropdowns/forms.js";
import { pipelines } from "./src/dropdowns/pipelines.js";
import { stages } from "./src/dropdowns/stages.js";
import { tags } from "./src/dropdowns/tags.js";
import { users } from "./src/dropdowns/users.js";
import { plainOperation } from "./src/network_errors.js";
import { addServer } from "./src/requests.js";
import { findLead } from "./src/searches/find_lead.js";
import { formSubmitted } from "./src/triggers/form_submitted.js";
import { newLead } from "./src/triggers/new_lead.js";
import { sourceSilent } from "./src/triggers/source_silent.js";
import { stageChanged } from "./src/triggers/stage_changed.js";
import { tagAdded } from "./src/triggers/tag_added.js";
import { updatedLead } from "./src/triggers/updated_lead.js";

const TRIGGERS = [newLead, updatedLead, stageChanged, formSubmitted, tagAdded, sourceSilent];
const DROPDOWNS = [pipelines, stages, tags, users, forms];
const CREATES = [createLead, updateLead, addTag, moveStage, addNote, createTask];

/**
 * @param {{ key: string, operation: Record<string, any> }[]} parts
 * @returns {Record<string, any>} the parts by their keys
 */
const byKey = (parts) =>
  Object.fromEntries(parts.map((part) => [part.key, { ...part, operation: plainOperation(part.operation) }]));

export default {
  version: packageJson.version,
  platformVersion: zapier.version,
  flags: { cleanInputData: false },
  authentication,
  beforeRequest: [addServer],
  afterResponse: [refuseErrors],
  triggers: byKey([...TRIGGERS, ...DROPDOWNS]),
  creates: byKey(CREATES),
  searches: byKey([findLead]),
  searchOrCreates: {
    [findLead.key]: {
      key: findLead.key,
      display: {
        label: "Find or Create Lead",
        description: "Finds a lead by email or phone, and creates it where there is none.",
      },
      search: findLead.key,
      create: createLead.key,
    },
  },
};
