// An action for Pipedream: finds the lead that is known by an email or a phone.

import { ACCOUNT_PROPS, callLeadHub } from "./leadhub-api.mjs";

export default {
  key: "leadhub-find-lead",
  name: "Find Lead",
  description: "Finds a lead by its exact email or phone, in any spelling. The result is null where there is none.",
  version: "0.1.0",
  type: "action",
  props: {
    ...ACCOUNT_PROPS,
    by: { type: "string", label: "Find by", options: ["email", "phone"], default: "email" },
    contact: { type: "string", label: "Email or phone" },
  },
  /**
   * @this {any}
   * @param {{ $: any }} step
   */
  async run(step) {
    const params = { [this.by]: this.contact };
    const { data: leads } = await callLeadHub(this, "GET", "/api/v1/leads", { params });
    step.$.export("$summary", leads.length ? `Found lead ${leads[0].id}` : "Found no lead");
    return leads[0] ?? null;
  },
};
