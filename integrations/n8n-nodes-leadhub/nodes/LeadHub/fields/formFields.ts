// What the node asks for about submissions of forms.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../../shared/texts";

export const formFields: INodeProperties[] = [
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: { show: { resource: ["formSubmission"] } },
    options: [
      {
        name: "Create",
        value: "create",
        description: "Fill in a form, as a visitor does",
        action: "Create a form submission",
      },
      {
        name: "Get Many",
        value: "getAll",
        description: "Get many submissions of a form",
        action: "Get many form submissions",
      },
    ],
    default: "create",
  },
  {
    displayName: "Form Name or ID",
    name: "formId",
    type: "options",
    typeOptions: { loadOptionsMethod: "getForms" },
    required: true,
    default: "",
    displayOptions: { show: { resource: ["formSubmission"] } },
    description:
      'Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
  },
  {
    displayName: "Values",
    name: "formValues",
    type: "fixedCollection",
    typeOptions: { multipleValues: true },
    placeholder: "Add Value",
    default: {},
    displayOptions: { show: { resource: ["formSubmission"], operation: ["create"] } },
    options: [
      {
        displayName: "Value",
        name: "values",
        values: [
          {
            displayName: "Field Name or ID",
            name: "key",
            type: "options",
            typeOptions: { loadOptionsMethod: "getFormFields", loadOptionsDependsOn: ["formId"] },
            default: "",
            description: FROM_LIST,
          },
          { displayName: "Value", name: "value", type: "string", default: "" },
        ],
      },
    ],
  },
  {
    displayName: "Options",
    name: "options",
    type: "collection",
    placeholder: "Add option",
    default: {},
    displayOptions: { show: { resource: ["formSubmission"], operation: ["create"] } },
    options: [
      {
        displayName: "Idempotency Key",
        name: "idempotencyKey",
        type: "string",
        default: "",
        description:
          "What makes a repeat harmless, such as the ID of an order. " +
          "If it is empty, it is made of the execution, the node, the item and its values.",
      },
    ],
  },
  {
    displayName: "Filters",
    name: "filters",
    type: "collection",
    placeholder: "Add Filter",
    default: {},
    displayOptions: { show: { resource: ["formSubmission"], operation: ["getAll"] } },
    options: [
      { displayName: "Lead ID", name: "lead_id", type: "string", default: "" },
      { displayName: "Received After", name: "received_after", type: "dateTime", default: "" },
      { displayName: "Received Before", name: "received_before", type: "dateTime", default: "" },
      {
        displayName: "State",
        name: "state",
        type: "options",
        default: "done",
        options: [
          { name: "Accepted", value: "accepted" },
          { name: "Dead", value: "dead" },
          { name: "Done", value: "done" },
          { name: "Quarantined", value: "quarantined" },
          { name: "Replayed", value: "replayed" },
        ],
      },
    ],
  },
];
