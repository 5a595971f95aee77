// What the node asks for about the timeline of a lead.

import type { INodeProperties } from "n8n-workflow";

export const activityFields: INodeProperties[] = [
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: { show: { resource: ["activity"] } },
    options: [
      {
        name: "Create",
        value: "create",
        description: "Log a note, a call, a mail or a meeting on the timeline of a lead",
        action: "Create an activity",
      },
      { name: "Get Many", value: "getAll", description: "Get the timeline of a lead", action: "Get many activities" },
    ],
    default: "create",
  },
  {
    displayName: "Type",
    name: "activityType",
    type: "options",
    default: "note",
    displayOptions: { show: { resource: ["activity"], operation: ["create"] } },
    options: [
      { name: "Call", value: "call" },
      { name: "Email", value: "email" },
      { name: "Meeting", value: "meeting" },
      { name: "Note", value: "note" },
    ],
  },
  {
    displayName: "Text",
    name: "text",
    type: "string",
    typeOptions: { rows: 3 },
    default: "",
    displayOptions: { show: { resource: ["activity"], operation: ["create"] } },
    description: "A note needs it",
  },
  {
    displayName: "Outcome",
    name: "outcome",
    type: "options",
    default: "reached",
    displayOptions: { show: { resource: ["activity"], operation: ["create"], activityType: ["call"] } },
    options: [
      { name: "Left a Message", value: "left_message" },
      { name: "No Answer", value: "no_answer" },
      { name: "Reached", value: "reached" },
    ],
  },
];
