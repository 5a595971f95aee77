// What the node asks for about tags.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../../shared/texts";

export const tagFields: INodeProperties[] = [
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: { show: { resource: ["tag"] } },
    options: [
      { name: "Add to Lead", value: "add", description: "Give a lead a tag", action: "Add a tag to a lead" },
      { name: "Get Many", value: "getAll", description: "Get many tags", action: "Get many tags" },
      {
        name: "Remove From Lead",
        value: "remove",
        description: "Take a tag from a lead",
        action: "Remove a tag from a lead",
      },
    ],
    default: "add",
  },
  {
    displayName: "Tag Name or ID",
    name: "tag",
    type: "options",
    typeOptions: { loadOptionsMethod: "getTags" },
    required: true,
    default: "",
    displayOptions: { show: { resource: ["tag"], operation: ["add", "remove"] } },
    description: `A name that is new makes a new tag. ${FROM_LIST}.`,
  },
];
