// What the node asks for about one lead.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../../shared/texts";
import { leadValues } from "./leadValues";

export const leadFields: INodeProperties[] = [
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: { show: { resource: ["lead"] } },
    options: [
      {
        name: "Create or Update",
        value: "upsert",
        description: "Create a new record, or update the current one if it already exists (upsert)",
        action: "Create or update a lead",
      },
      {
        name: "Find by Email or Phone",
        value: "find",
        description: "Find the lead that is known by an email or a phone, in any spelling",
        action: "Find a lead by email or phone",
      },
      { name: "Get", value: "get", description: "Get a lead by its ID", action: "Get a lead" },
      { name: "Get Many", value: "getAll", description: "Get many leads, newest first", action: "Get many leads" },
      {
        name: "Move to Stage",
        value: "move",
        description: "Move a lead on the board",
        action: "Move a lead to a stage",
      },
      { name: "Update", value: "update", description: "Change fields of a lead by its ID", action: "Update a lead" },
    ],
    default: "upsert",
  },
  {
    displayName: "Email",
    name: "email",
    type: "string",
    placeholder: "name@email.com",
    required: true,
    default: "",
    displayOptions: { show: { resource: ["lead"], operation: ["upsert"] } },
    description: "A lead that is known by it, or by the phone, is updated",
  },
  {
    displayName: "Additional Fields",
    name: "additionalFields",
    type: "collection",
    placeholder: "Add Field",
    default: {},
    displayOptions: { show: { resource: ["lead"], operation: ["upsert"] } },
    options: leadValues,
  },
  {
    displayName: "Email",
    name: "findEmail",
    type: "string",
    placeholder: "name@email.com",
    default: "",
    displayOptions: { show: { resource: ["lead"], operation: ["find"] } },
  },
  {
    displayName: "Phone",
    name: "findPhone",
    type: "string",
    placeholder: "+1 415 555 0199",
    default: "",
    displayOptions: { show: { resource: ["lead"], operation: ["find"] } },
    description: "It is looked for where no lead has the email",
  },
  {
    displayName: "Lead ID",
    name: "leadId",
    type: "string",
    required: true,
    default: "",
    displayOptions: {
      show: { resource: ["lead", "tag", "activity"], operation: ["get", "update", "move", "add", "remove", "create"] },
    },
  },
  {
    displayName: "Lead ID",
    name: "leadId",
    type: "string",
    required: true,
    default: "",
    displayOptions: { show: { resource: ["activity"], operation: ["getAll"] } },
  },
  {
    displayName: "Stage Name or ID",
    name: "stageId",
    type: "options",
    typeOptions: { loadOptionsMethod: "getStages" },
    required: true,
    default: "",
    displayOptions: { show: { resource: ["lead"], operation: ["move"] } },
    description: `A stage implies its pipeline. ${FROM_LIST}.`,
  },
  {
    displayName: "Update Fields",
    name: "updateFields",
    type: "collection",
    placeholder: "Add Field",
    default: {},
    displayOptions: { show: { resource: ["lead"], operation: ["update"] } },
    description: "What is not added stays as it is. Tags replace those that the lead has.",
    options: [
      { displayName: "Email", name: "email", type: "string", placeholder: "name@email.com", default: "" },
      ...leadValues,
    ],
  },
  {
    displayName: "Options",
    name: "options",
    type: "collection",
    placeholder: "Add option",
    default: {},
    displayOptions: { show: { resource: ["lead"], operation: ["upsert"] } },
    options: [
      {
        displayName: "Idempotency Key",
        name: "idempotencyKey",
        type: "string",
        default: "",
        description:
          "What makes a repeat harmless, such as the ID of an order. " +
          "If it is empty, it is made of the execution, the node, the item and its fields.",
      },
      {
        displayName: "Return Lead",
        name: "returnLead",
        type: "boolean",
        default: false,
        description: "Whether to return the whole lead with the result, by one more request",
      },
    ],
  },
];
