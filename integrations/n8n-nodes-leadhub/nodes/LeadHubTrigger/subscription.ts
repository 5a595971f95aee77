// The subscription behind a trigger: one for each active workflow, at the address that n8n gives it.

import type { IDataObject, IHookFunctions } from "n8n-workflow";
import { NodeOperationError } from "n8n-workflow";
import { apiError, exchange, requestRecord } from "../shared/transport";

const WEBHOOKS = "/api/v1/webhooks";
const NOT_FOUND = 404;

/** What the workflow keeps: the secret is shown once, when the subscription is made. */
interface KeptSubscription {
  webhookId?: number;
  secret?: string;
}

/** Return what the workflow keeps of its subscription. */
export function keptSubscription(context: Pick<IHookFunctions, "getWorkflowStaticData">): KeptSubscription {
  return context.getWorkflowStaticData("node") as KeptSubscription;
}

/**
 * Return whether the subscription is there and as the node wants it. One that is not is deleted, unless it is of
 * another address: that is another n8n's, or the workflow's own while the editor listens for a test event.
 */
export async function hasSubscription(context: IHookFunctions): Promise<boolean> {
  const { webhookId, secret } = keptSubscription(context);
  if (!webhookId) return false;
  const path = `${WEBHOOKS}/${webhookId}`;
  const answer = await exchange(context, { method: "GET", path });
  if (answer.status === NOT_FOUND) {
    forget(context);
    return false;
  }
  if (answer.status !== 200) throw apiError(context, { method: "GET", path }, answer);
  const record = answer.body.data as IDataObject;
  if (record.url !== wantedSubscription(context).url) forget(context);
  else if (secret && isAsWanted(context, record)) return true;
  else await unsubscribe(context);
  return false;
}

/** Make the subscription, and keep its id and secret. */
export async function subscribe(context: IHookFunctions): Promise<void> {
  const { name } = context.getWorkflow();
  const body = { ...wantedSubscription(context), description: `n8n: ${name ?? "a workflow"}` };
  if (!body.events.length) throw new NodeOperationError(context.getNode(), "Choose one event or more.");
  const record = await requestRecord(context, { method: "POST", path: WEBHOOKS, body });
  const kept = keptSubscription(context);
  kept.webhookId = Number(record.id);
  kept.secret = String(record.secret);
}

/** Delete the subscription. One that is gone already is done. */
export async function unsubscribe(context: IHookFunctions): Promise<void> {
  const { webhookId } = keptSubscription(context);
  if (!webhookId) return;
  const call = { method: "DELETE" as const, path: `${WEBHOOKS}/${webhookId}` };
  const answer = await exchange(context, call);
  if (answer.status > 299 && answer.status !== NOT_FOUND) throw apiError(context, call, answer);
  forget(context);
}

function forget(context: IHookFunctions): void {
  const kept = keptSubscription(context);
  delete kept.webhookId;
  delete kept.secret;
}

function wantedSubscription(context: IHookFunctions): { url: string; events: string[]; filters: IDataObject | null } {
  const chosen = context.getNodeParameter("filters", {}) as IDataObject;
  const filters: IDataObject = {};
  if (chosen.formId) filters.form_id = Number(chosen.formId);
  if (chosen.stageId) filters.stage_id = Number(chosen.stageId);
  if (chosen.tag) filters.tag = String(chosen.tag);
  const sources = ([chosen.sources ?? []].flat() as string[]).map((each) => each.trim()).filter(Boolean);
  if (sources.length) filters.sources = sources;
  return {
    url: String(context.getNodeWebhookUrl("default")),
    events: context.getNodeParameter("events", []) as string[],
    filters: Object.keys(filters).length ? filters : null,
  };
}

function isAsWanted(context: IHookFunctions, record: IDataObject): boolean {
  const wanted = wantedSubscription(context);
  return (
    record.is_active === true &&
    sameText([...(record.events as string[])].sort(), [...wanted.events].sort()) &&
    sameText(setFilters(record.filters), setFilters(wanted.filters))
  );
}

/** Filters that are set, by the alphabet. */
function setFilters(filters: unknown): unknown[] {
  const entries = Object.entries((filters ?? {}) as IDataObject);
  return entries.filter(([, value]) => value !== null).sort(([one], [other]) => one.localeCompare(other));
}

function sameText(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
