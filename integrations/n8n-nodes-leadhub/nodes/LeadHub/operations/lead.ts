// What the node does with leads.

import { type IDataObject, NodeOperationError } from "n8n-workflow";
import { listRecords, request, requestRecord } from "../../shared/transport";
import {
  collectionOf,
  idempotencyKeyOf,
  idOf,
  leadFieldsOf,
  limitOf,
  type Operation,
  tenantOf,
  textOf,
} from "./values";

const LEADS = "/api/v1/leads";

/** Send a lead: LeadHub recognises who it is. */
export const upsertLead: Operation = async (context, itemIndex) => {
  const email = textOf(context, "email", itemIndex);
  const body = { ...leadFieldsOf(context, "additionalFields", itemIndex), email };
  const result = await request(context, {
    method: "POST",
    path: "/api/inbound/leads",
    query: { tenant: await tenantOf(context, itemIndex) },
    body,
    headers: { "Idempotency-Key": idempotencyKeyOf(context, itemIndex, body) },
    itemIndex,
  });
  const { returnLead } = context.getNodeParameter("options", itemIndex, {}) as IDataObject;
  if (!returnLead || !result.lead_id) return [result];
  return [
    {
      ...result,
      lead: await requestRecord(context, { method: "GET", path: leadPath(Number(result.lead_id)), itemIndex }),
    },
  ];
};

export const getLead: Operation = async (context, itemIndex) => [
  await requestRecord(context, { method: "GET", path: leadPath(idOf(context, "leadId", itemIndex)), itemIndex }),
];

/** Find the lead that is known by an email or a phone, in any spelling. None is no error: nothing follows. */
export const findLead: Operation = async (context, itemIndex) => {
  const email = textOf(context, "findEmail", itemIndex);
  const phone = textOf(context, "findPhone", itemIndex);
  if (!email && !phone) throw new NodeOperationError(context.getNode(), "Enter an email or a phone.", { itemIndex });
  const byEmail = email ? await listRecords(context, { path: LEADS, query: { email }, itemIndex }) : [];
  if (byEmail.length || !phone) return byEmail;
  return await listRecords(context, { path: LEADS, query: { phone }, itemIndex });
};

export const listLeads: Operation = async (context, itemIndex) => {
  const query = collectionOf(context, "filters", itemIndex);
  return await listRecords(context, { path: LEADS, query, itemIndex }, limitOf(context, itemIndex));
};

export const updateLead: Operation = async (context, itemIndex) => {
  const body = leadFieldsOf(context, "updateFields", itemIndex);
  const path = leadPath(idOf(context, "leadId", itemIndex));
  return [await requestRecord(context, { method: "PATCH", path, body, itemIndex })];
};

/** Move a lead on the board. The stage implies its pipeline. */
export const moveLead: Operation = async (context, itemIndex) => {
  const body = { pipeline_stage_id: idOf(context, "stageId", itemIndex) };
  const path = leadPath(idOf(context, "leadId", itemIndex));
  return [await requestRecord(context, { method: "PATCH", path, body, itemIndex })];
};

/** Return the path of a lead. */
export function leadPath(leadId: number): string {
  return `${LEADS}/${leadId}`;
}
