// A trigger by webhooks: it subscribes Zapier's address to one event of LeadHub.

import { refuseError } from "./answers.js";
import { chosenFilters, EVENT_FILTERS, fitsFilters } from "./event_filters.js";
import { LEAD_SAMPLE, leadOutputs } from "./lead_outputs.js";
import { isGenuine } from "./signatures.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const EVENT_OUTPUTS = [
  { key: "id", label: "Message ID" },
  { key: "event", label: "Event" },
  { key: "occurred_at", label: "Occurred at", type: "datetime" },
];

/**
 * @typedef {object} HookTrigger
 * @property {string} key
 * @property {string} noun
 * @property {string} label
 * @property {string} description
 * @property {string} event such as `lead.created`
 * @property {string[]} filters names in `EVENT_FILTERS`
 * @property {any[]} outputs output fields of the event's own `data`; a function may add some of a chosen form
 * @property {object} data a sample of `data`
 * @property {object | null} [lead] a sample of the lead; null for an event about none
 */

/** @param {HookTrigger} trigger */
export function hookTrigger({ key, noun, label, description, event, filters, outputs, data, lead = LEAD_SAMPLE }) {
  return {
    key,
    noun,
    display: { label, description },
    operation: {
      type: "hook",
      inputFields: filters.map((name) => EVENT_FILTERS[name].field),
      performSubscribe: subscriber(event, filters),
      performUnsubscribe: unsubscribe,
      perform: receive,
      performList: sampler(event, filters),
      outputFields: [...EVENT_OUTPUTS, ...(lead ? leadOutputs("lead") : []), ...outputs],
      sample: { id: "msg_a0320080926b393e", event, occurred_at: "2026-03-28T09:15:00+00:00", lead, data },
    },
  };
}

/**
 * @param {string} event
 * @param {string[]} names
 */
function subscriber(event, names) {
  return async (/** @type {ZObject} */ z, /** @type {Bundle<any>} */ bundle) => {
    const filters = chosenFilters(z, bundle.inputData, names);
    const body = { url: bundle.targetUrl, events: [event], description: "Zapier", filters };
    const response = await z.request("/api/v1/webhooks", { method: "POST", body });
    const { id, secret } = response.data.data;
    return { id: String(id), secret };
  };
}

/**
 * Ends a subscription. One that is gone already is done.
 *
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function unsubscribe(z, bundle) {
  const path = `/api/v1/webhooks/${encodeURIComponent(String(bundle.subscribeData?.id))}`;
  const response = await z.request(path, { method: "DELETE", skipThrowForStatus: true });
  if (response.status !== 404) refuseError(response, z, bundle);
  return {};
}

/**
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function receive(z, bundle) {
  if (!isGenuine(bundle)) throw new z.errors.HaltedError("This message is not signed by LeadHub.");
  return [bundle.cleanedRequest];
}

/**
 * @param {string} event
 * @param {string[]} names
 */
function sampler(event, names) {
  return async (/** @type {ZObject} */ z, /** @type {Bundle<any>} */ bundle) => {
    const filters = chosenFilters(z, bundle.inputData, names);
    const response = await z.request("/api/v1/webhooks/samples", { params: { event } });
    return response.data.data.filter((/** @type {any} */ each) => fitsFilters(each, filters));
  };
}
