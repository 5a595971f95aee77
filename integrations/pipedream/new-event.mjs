// A source for Pipedream: events of a LeadHub, as they happen.

import { ACCOUNT_PROPS, callLeadHub, RefusedRequest } from "./leadhub-api.mjs";
import { isGenuine } from "./signatures.mjs";

const EVENTS = [
  "lead.created",
  "lead.updated",
  "lead.duplicate",
  "lead.stage_changed",
  "lead.assigned",
  "lead.merged",
  "lead.unmerged",
  "lead.deleted",
  "tag.added",
  "form.submitted",
  "source.silent",
];

export default {
  key: "leadhub-new-event",
  name: "New Event (Instant)",
  description: "Emits an event when something happens to a lead. Messages are signed, and each is emitted once.",
  version: "0.1.0",
  type: "source",
  dedupe: "unique", // by the message's id: LeadHub may send one twice
  props: {
    ...ACCOUNT_PROPS,
    events: { type: "string[]", label: "Events", options: EVENTS, default: ["lead.created"] },
    db: "$.service.db",
    http: { type: "$.interface.http", customResponse: true },
  },
  hooks: {
    /** @this {any} */
    async activate() {
      const body = { url: this.http.endpoint, events: this.events, description: "Pipedream" };
      const { data } = await callLeadHub(this, "POST", "/api/v1/webhooks", { body });
      this.db.set("subscriptionId", data.id);
      this.db.set("secret", data.secret);
    },
    /** @this {any} */
    async deactivate() {
      const path = `/api/v1/webhooks/${this.db.get("subscriptionId")}`;
      await callLeadHub(this, "DELETE", path).catch((/** @type {unknown} */ reason) => {
        if (!(reason instanceof RefusedRequest && reason.status === 404)) throw reason; // one that is gone is done
      });
    },
  },
  /**
   * @this {any}
   * @param {{ headers: Record<string, string>, bodyRaw: string }} request
   */
  async run(request) {
    const { headers, bodyRaw } = request;
    if (!isGenuine(headers, bodyRaw, this.db.get("secret"))) {
      this.http.respond({ status: 401 });
      return;
    }
    this.http.respond({ status: 200 });
    const event = JSON.parse(bodyRaw);
    const about = event.lead?.email ?? event.lead?.phone ?? event.data.name ?? event.lead?.id;
    this.$emit(event, { id: event.id, summary: `${event.event}: ${about}`, ts: Date.parse(event.occurred_at) });
  },
};
