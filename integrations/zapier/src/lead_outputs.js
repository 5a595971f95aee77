// What later steps see of a lead, and a lead to show before there is one.

const LEAD_OUTPUTS = [
  { key: "id", label: "Lead ID", type: "integer" },
  { key: "first_name", label: "First name" },
  { key: "last_name", label: "Last name" },
  { key: "email", label: "Email" },
  { key: "email_as_given", label: "Email that cannot be read" },
  { key: "phone", label: "Phone" },
  { key: "company", label: "Company" },
  { key: "job_title", label: "Job title" },
  { key: "country", label: "Country" },
  { key: "source", label: "Source" },
  { key: "status", label: "Status" },
  { key: "lead_score", label: "Score", type: "integer" },
  { key: "starred", label: "Starred", type: "boolean" },
  { key: "pipeline_id", label: "Pipeline ID", type: "integer" },
  { key: "pipeline_stage_id", label: "Stage ID", type: "integer" },
  { key: "assigned_user_id", label: "Owner's user ID", type: "integer" },
  { key: "notes", label: "Notes" },
  { key: "tags", label: "Tags", list: true },
  { key: "possible_duplicate_of", label: "Possible duplicate of lead ID", type: "integer" },
  { key: "created_at", label: "Created at", type: "datetime" },
  { key: "updated_at", label: "Updated at", type: "datetime" },
];

export const LEAD_SAMPLE = {
  id: 1842,
  first_name: "Grace",
  last_name: "Hopper",
  email: "grace@example.com",
  email_as_given: null,
  phone: "+14155550199",
  company: "Example",
  job_title: null,
  country: "US",
  source: "website",
  status: "new",
  lead_score: 20,
  starred: false,
  pipeline_id: 1,
  pipeline_stage_id: 1,
  assigned_user_id: null,
  notes: null,
  custom_fields: { seats: 3 },
  tags: ["newsletter"],
  possible_duplicate_of: null,
  attribution: null,
  created_at: "2026-03-28T09:15:00+00:00",
  updated_at: "2026-03-28T09:15:00+00:00",
};

/**
 * Returns the output fields of a lead.
 *
 * @param {string} [parent] the name under which the lead stands in the output
 */
export function leadOutputs(parent) {
  return LEAD_OUTPUTS.map((field) => ({ ...field, key: parent ? `${parent}__${field.key}` : field.key }));
}
