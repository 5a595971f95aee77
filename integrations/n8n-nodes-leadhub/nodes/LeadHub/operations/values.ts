// How operations read what was typed into the node, and the key by which a repeat is harmless.

import { createHash } from "node:crypto";
import { type IDataObject, type IExecuteFunctions, NodeOperationError } from "n8n-workflow";
import { CREDENTIAL_NAME, requestRecord } from "../../shared/transport";
import { timeWithOffset } from "./times";

/** What an operation makes of one item: the records that follow. */
export type Operation = (context: IExecuteFunctions, itemIndex: number) => Promise<IDataObject[]>;

// A run asks once whose key it has.
const knownTenants = new WeakMap<IExecuteFunctions, Promise<string>>();

/** Return a parameter that has to be an id. Throws NodeOperationError. */
export function idOf(context: IExecuteFunctions, name: string, itemIndex: number): number {
  const id = Number(context.getNodeParameter(name, itemIndex));
  if (Number.isSafeInteger(id) && id > 0) return id;
  throw new NodeOperationError(context.getNode(), `The ${name} is not an ID.`, { itemIndex });
}

/** Return a parameter as text, without spaces around it. */
export function textOf(context: IExecuteFunctions, name: string, itemIndex: number): string {
  return String(context.getNodeParameter(name, itemIndex, "") ?? "").trim();
}

/** Return what is set of a collection: a field that was added and left empty is not sent. */
export function collectionOf(context: IExecuteFunctions, name: string, itemIndex: number): IDataObject {
  const fields = context.getNodeParameter(name, itemIndex, {}) as IDataObject;
  const filled = Object.entries(fields).filter(([, value]) => value !== "" && value !== undefined);
  return Object.fromEntries(filled.map(([key, value]) => [key, apiValue(key, value, context.getTimezone())]));
}

/** Return a value in the API's form: ids as numbers, times with an offset. LeadHub refuses what cannot be read. */
function apiValue(key: string, value: IDataObject[string], zone: string): IDataObject[string] {
  if (key.endsWith("_id") && /^\d+$/.test(String(value))) return Number(value);
  return /_(at|after|before)$/.test(key) ? timeWithOffset(value, zone) : value;
}

/** Return the fields of a lead in the API's form: tags as a list, custom fields as an object. */
export function leadFieldsOf(context: IExecuteFunctions, name: string, itemIndex: number): IDataObject {
  const { tags, custom_fields: custom, ...fields } = collectionOf(context, name, itemIndex);
  if (tags)
    fields.tags = [tags]
      .flat()
      .flatMap((each) => String(each).split(","))
      .map((each) => each.trim())
      .filter(Boolean);
  if (custom) fields.custom_fields = pairsOf(custom as IDataObject);
  return fields;
}

/** Return the pairs of a fixed collection as an object. */
export function pairsOf(collection: IDataObject): IDataObject {
  const pairs = (collection.values ?? []) as IDataObject[];
  return Object.fromEntries(pairs.filter((each) => each.key).map((each) => [String(each.key), each.value]));
}

/** Return how many records are wanted. */
export function limitOf(context: IExecuteFunctions, itemIndex: number): number {
  if (context.getNodeParameter("returnAll", itemIndex, false)) return Number.POSITIVE_INFINITY;
  return Number(context.getNodeParameter("limit", itemIndex, 50));
}

/** Return the slug of the key's workspace: from the credential, otherwise by one request a run. */
export async function tenantOf(context: IExecuteFunctions, itemIndex: number): Promise<string> {
  const { tenant } = await context.getCredentials(CREDENTIAL_NAME);
  if (tenant) return String(tenant);
  const known = knownTenants.get(context) ?? readTenant(context, itemIndex);
  knownTenants.set(context, known);
  return await known;
}

async function readTenant(context: IExecuteFunctions, itemIndex: number): Promise<string> {
  const me = await requestRecord(context, { method: "GET", path: "/api/v1/me", itemIndex });
  return String((me.workspace as IDataObject).slug);
}

/**
 * Return the Idempotency-Key of a request: the one that was typed, otherwise one of the execution, the node, the item
 * and the body. n8n's "Retry On Fail" then sends the same key, and another turn of a loop another one.
 */
export function idempotencyKeyOf(context: IExecuteFunctions, itemIndex: number, body: IDataObject): string {
  const options = context.getNodeParameter("options", itemIndex, {}) as IDataObject;
  const typed = String(options.idempotencyKey ?? "").trim();
  if (typed) return typed;
  const parts = [context.getExecutionId(), context.getNode().id, itemIndex, body];
  return `n8n-${createHash("sha256").update(JSON.stringify(parts)).digest("hex")}`;
}
