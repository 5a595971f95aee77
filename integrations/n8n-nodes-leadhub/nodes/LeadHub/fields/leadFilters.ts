// What narrows a list of leads, by the names of the API's query.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../../shared/texts";

export const leadFilters: INodeProperties[] = [
  {
    displayName: "Filters",
    name: "filters",
    type: "collection",
    placeholder: "Add Filter",
    default: {},
    displayOptions: { show: { resource: ["lead"], operation: ["getAll"] } },
    options: [
      {
        displayName: "Assigned User Name or ID",
        name: "assigned_user_id",
        type: "options",
        typeOptions: { loadOptionsMethod: "getUsers" },
        default: "",
        description: FROM_LIST,
      },
      { displayName: "Created After", name: "created_after", type: "dateTime", default: "" },
      { displayName: "Created Before", name: "created_before", type: "dateTime", default: "" },
      {
        displayName: "Pipeline Name or ID",
        name: "pipeline_id",
        type: "options",
        typeOptions: { loadOptionsMethod: "getPipelines" },
        default: "",
        description: FROM_LIST,
      },
      {
        displayName: "Search",
        name: "search",
        type: "string",
        default: "",
        description: "Part of a name, company, email or phone",
      },
      { displayName: "Source", name: "source", type: "string", default: "", placeholder: "website" },
      {
        displayName: "Stage Name or ID",
        name: "stage_id",
        type: "options",
        typeOptions: { loadOptionsMethod: "getStages" },
        default: "",
        description: FROM_LIST,
      },
      {
        displayName: "Starred",
        name: "starred",
        type: "boolean",
        default: true,
        description: "Whether the lead has a star",
      },
      {
        displayName: "Status",
        name: "status",
        type: "options",
        default: "new",
        options: [
          { name: "Contacted", value: "contacted" },
          { name: "Converted", value: "converted" },
          { name: "Lost", value: "lost" },
          { name: "New", value: "new" },
          { name: "Qualified", value: "qualified" },
        ],
      },
      {
        displayName: "Tag Name or ID",
        name: "tag",
        type: "options",
        typeOptions: { loadOptionsMethod: "getTags" },
        default: "",
        description: FROM_LIST,
      },
      { displayName: "Updated After", name: "updated_after", type: "dateTime", default: "" },
      { displayName: "Updated Before", name: "updated_before", type: "dateTime", default: "" },
    ],
  },
];
