// The fields of a lead that may be sent, by their names in the API.

import type { INodeProperties } from "n8n-workflow";
import { FROM_LIST } from "../../shared/texts";

/** Fields that a lead may have in any request. */
export const leadValues: INodeProperties[] = [
  {
    displayName: "Assigned User Name or ID",
    name: "assigned_user_id",
    type: "options",
    typeOptions: { loadOptionsMethod: "getUsers" },
    default: "",
    description: `Who works on the lead. ${FROM_LIST}.`,
  },
  { displayName: "Company", name: "company", type: "string", default: "" },
  {
    displayName: "Country",
    name: "country",
    type: "string",
    default: "",
    placeholder: "DE",
  },
  {
    displayName: "Custom Fields",
    name: "custom_fields",
    type: "fixedCollection",
    typeOptions: { multipleValues: true },
    placeholder: "Add Custom Field",
    default: {},
    options: [
      {
        displayName: "Custom Field",
        name: "values",
        values: [
          { displayName: "Key", name: "key", type: "string", default: "", placeholder: "budget" },
          { displayName: "Value", name: "value", type: "string", default: "" },
        ],
      },
    ],
  },
  { displayName: "First Name", name: "first_name", type: "string", default: "" },
  { displayName: "Job Title", name: "job_title", type: "string", default: "" },
  { displayName: "Last Name", name: "last_name", type: "string", default: "" },
  { displayName: "Notes", name: "notes", type: "string", typeOptions: { rows: 3 }, default: "" },
  {
    displayName: "Phone",
    name: "phone",
    type: "string",
    default: "",
    placeholder: "+1 415 555 0199",
    description: "In any spelling. Without a + it is read as dialled in the country of the workspace.",
  },
  {
    displayName: "Source",
    name: "source",
    type: "string",
    default: "",
    placeholder: "website",
    description: "Where the lead is from",
  },
  {
    displayName: "Stage Name or ID",
    name: "pipeline_stage_id",
    type: "options",
    typeOptions: { loadOptionsMethod: "getStages" },
    default: "",
    description: `A stage implies its pipeline. ${FROM_LIST}.`,
  },
  {
    displayName: "Starred",
    name: "starred",
    type: "boolean",
    default: false,
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
    displayName: "Tags",
    name: "tags",
    type: "string",
    default: "",
    placeholder: "newsletter, vip",
    description: "Names, separated by commas",
  },
];
