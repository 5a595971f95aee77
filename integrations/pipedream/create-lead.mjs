// An action for Pipedream: sends a lead. A person who is known already is merged, not doubled.

import { ACCOUNT_PROPS, callLeadHub } from "./leadhub-api.mjs";

const FIELD_NAMES = [
  "email",
  "first_name",
  "last_name",
  "phone",
  "company",
  "source",
  "notes",
  "tags",
  "custom_fields",
];

export default {
  key: "leadhub-create-lead",
  name: "Create or Update Lead",
  description: "Sends a lead. A lead with the same email or phone is updated, and its empty fields are filled.",
  version: "0.1.0",
  type: "action",
  props: {
    ...ACCOUNT_PROPS,
    email: { type: "string", label: "Email" },
    first_name: { type: "string", label: "First name", optional: true },
    last_name: { type: "string", label: "Last name", optional: true },
    phone: { type: "string", label: "Phone", optional: true },
    company: { type: "string", label: "Company", optional: true },
    source: { type: "string", label: "Source", description: "Where the lead comes from.", optional: true },
    notes: { type: "string", label: "Notes", optional: true },
    tags: { type: "string[]", label: "Tags", optional: true },
    custom_fields: { type: "object", label: "Custom fields", optional: true },
    event_id: {
      type: "string",
      label: "ID of what happened",
      description: "Such as the number of the order. A repeat with the same ID changes nothing for a day.",
      optional: true,
    },
  },
  /**
   * @this {any}
   * @param {{ $: any }} step
   */
  async run(step) {
    const { data: me } = await callLeadHub(this, "GET", "/api/v1/me");
    const filled = FIELD_NAMES.filter((name) => this[name] !== undefined && this[name] !== "");
    /** @type {Record<string, string>} */
    const headers = this.event_id ? { "Idempotency-Key": `pipedream-${encodeURIComponent(this.event_id)}` } : {};
    const body = Object.fromEntries(filled.map((name) => [name, this[name]]));
    const params = { tenant: me.workspace.slug };
    const result = await callLeadHub(this, "POST", "/api/inbound/leads", { params, headers, body });
    const verb = result.is_duplicate ? "Updated" : "Sent";
    step.$.export("$summary", `${verb} lead ${result.lead_id ?? result.submission_id}`);
    return result;
  },
};
