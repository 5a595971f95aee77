// What the node asks for about tasks.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../../shared/texts";

const DUE_FIELD: INodeProperties = { displayName: "Due At", name: "due_at", type: "dateTime", default: "" };
const LEAD_FIELD: INodeProperties = { displayName: "Lead ID", name: "lead_id", type: "string", default: "" };
const USER_FIELD: INodeProperties = {
  displayName: "User Name or ID",
  name: "user_id",
  type: "options",
  typeOptions: { loadOptionsMethod: "getUsers" },
  default: "",
  description: `Who has to do it. ${FROM_LIST}.`,
};

export const taskFields: INodeProperties[] = [
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: { show: { resource: ["task"] } },
    options: [
      { name: "Create", value: "create", description: "Create a task", action: "Create a task" },
      { name: "Get", value: "get", description: "Get a task by its ID", action: "Get a task" },
      { name: "Get Many", value: "getAll", description: "Get many tasks", action: "Get many tasks" },
      { name: "Update", value: "update", description: "Change a task, or mark it as done", action: "Update a task" },
    ],
    default: "create",
  },
  {
    displayName: "Title",
    name: "title",
    type: "string",
    required: true,
    default: "",
    placeholder: "Call back",
    displayOptions: { show: { resource: ["task"], operation: ["create"] } },
  },
  {
    displayName: "Task ID",
    name: "taskId",
    type: "string",
    required: true,
    default: "",
    displayOptions: { show: { resource: ["task"], operation: ["get", "update"] } },
  },
  {
    displayName: "Additional Fields",
    name: "additionalFields",
    type: "collection",
    placeholder: "Add Field",
    default: {},
    displayOptions: { show: { resource: ["task"], operation: ["create"] } },
    options: [DUE_FIELD, LEAD_FIELD, USER_FIELD],
  },
  {
    displayName: "Update Fields",
    name: "updateFields",
    type: "collection",
    placeholder: "Add Field",
    default: {},
    displayOptions: { show: { resource: ["task"], operation: ["update"] } },
    options: [
      {
        displayName: "Done At",
        name: "done_at",
        type: "dateTime",
        default: "",
        description: "When it was done: the task is finished by it",
      },
      DUE_FIELD,
      { displayName: "Title", name: "title", type: "string", default: "" },
      USER_FIELD,
    ],
  },
  {
    displayName: "Filters",
    name: "filters",
    type: "collection",
    placeholder: "Add Filter",
    default: {},
    displayOptions: { show: { resource: ["task"], operation: ["getAll"] } },
    options: [
      { displayName: "Done", name: "done", type: "boolean", default: false, description: "Whether the task is done" },
      LEAD_FIELD,
      USER_FIELD,
    ],
  },
];
