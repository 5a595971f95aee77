// What a trigger asks for: the events, and what narrows them.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../shared/texts";

export const triggerFields: INodeProperties[] = [
  {
    displayName: "Events",
    name: "events",
    type: "multiOptions",
    required: true,
    default: ["lead.created"],
    description: "The events that start the workflow",
    options: [
      { name: "Form Submitted", value: "form.submitted", description: "Somebody filled in a form" },
      { name: "Lead Assigned", value: "lead.assigned", description: "A lead was given to somebody" },
      { name: "Lead Created", value: "lead.created", description: "A person wrote for the first time" },
      { name: "Lead Deleted", value: "lead.deleted", description: "A lead was deleted" },
      { name: "Lead Duplicate", value: "lead.duplicate", description: "A known person wrote again" },
      { name: "Lead Merged", value: "lead.merged", description: "Two leads became one" },
      { name: "Lead Stage Changed", value: "lead.stage_changed", description: "A lead was moved on the board" },
      { name: "Lead Unmerged", value: "lead.unmerged", description: "A merge was undone" },
      { name: "Lead Updated", value: "lead.updated", description: "Fields of a lead changed" },
      { name: "Source Silent", value: "source.silent", description: "A source sent nothing for too long" },
      { name: "Tag Added", value: "tag.added", description: "A lead got a tag" },
    ],
  },
  {
    displayName: "Filters",
    name: "filters",
    type: "collection",
    placeholder: "Add Filter",
    default: {},
    description: "All that are set must hold. They do not narrow Source Silent.",
    options: [
      {
        displayName: "Form Name or ID",
        name: "formId",
        type: "options",
        typeOptions: { loadOptionsMethod: "getForms" },
        default: "",
        description: `Only what came by this form: Form Submitted, Lead Created and Lead Duplicate. ${FROM_LIST}.`,
      },
      {
        displayName: "Sources",
        name: "sources",
        type: "string",
        typeOptions: { multipleValues: true, multipleValueButtonText: "Add Source" },
        default: [],
        placeholder: "website",
        description: "Only leads from one of these, in any case of their letters",
      },
      {
        displayName: "Stage Name or ID",
        name: "stageId",
        type: "options",
        typeOptions: { loadOptionsMethod: "getStages" },
        default: "",
        description: `Only leads in this stage; of Lead Stage Changed, those that came there. ${FROM_LIST}.`,
      },
      {
        displayName: "Tag Name or ID",
        name: "tag",
        type: "options",
        typeOptions: { loadOptionsMethod: "getTags" },
        default: "",
        description: `Only leads with this tag; of Tag Added, this tag alone. ${FROM_LIST}.`,
      },
    ],
  },
];
