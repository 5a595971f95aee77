// What the node does with form submissions, tags, tasks and activities.

import { type IDataObject, NodeOperationError } from "n8n-workflow";
import { listRecords, request, requestRecord } from "../../shared/transport";
import { leadPath } from "./lead";
import { collectionOf, idempotencyKeyOf, idOf, limitOf, type Operation, pairsOf, textOf } from "./values";

const TASKS = "/api/v1/tasks";

/** Fill in a form as a visitor does. */
export const submitForm: Operation = async (context, itemIndex) => {
  const body = pairsOf(context.getNodeParameter("formValues", itemIndex, {}) as IDataObject);
  const path = `/api/v1/forms/${idOf(context, "formId", itemIndex)}/submissions`;
  const headers = { "Idempotency-Key": idempotencyKeyOf(context, itemIndex, { path, body }) };
  return [await request(context, { method: "POST", path, body, headers, itemIndex })];
};

export const listFormSubmissions: Operation = async (context, itemIndex) => {
  const path = `/api/v1/forms/${idOf(context, "formId", itemIndex)}/submissions`;
  const query = collectionOf(context, "filters", itemIndex);
  return await listRecords(context, { path, query, itemIndex }, limitOf(context, itemIndex));
};

export const addTag: Operation = async (context, itemIndex) => {
  const body = { tag: textOf(context, "tag", itemIndex) };
  const path = `${leadPath(idOf(context, "leadId", itemIndex))}/tags`;
  return [await requestRecord(context, { method: "POST", path, body, itemIndex })];
};

export const removeTag: Operation = async (context, itemIndex) => {
  const tag = textOf(context, "tag", itemIndex);
  // As a part of a path, dots alone name the lead itself, however they are quoted.
  if (/^\.{0,2}$/.test(tag)) throw new NodeOperationError(context.getNode(), "Enter another tag.", { itemIndex });
  const path = `${leadPath(idOf(context, "leadId", itemIndex))}/tags/${encodeURIComponent(tag)}`;
  return [await requestRecord(context, { method: "DELETE", path, itemIndex })];
};

export const listTags: Operation = async (context, itemIndex) =>
  await listRecords(context, { path: "/api/v1/tags", itemIndex }, limitOf(context, itemIndex));

export const createTask: Operation = async (context, itemIndex) => {
  const body = { ...collectionOf(context, "additionalFields", itemIndex), title: textOf(context, "title", itemIndex) };
  return [await requestRecord(context, { method: "POST", path: TASKS, body, itemIndex })];
};

export const getTask: Operation = async (context, itemIndex) => {
  const path = `${TASKS}/${idOf(context, "taskId", itemIndex)}`;
  return [await requestRecord(context, { method: "GET", path, itemIndex })];
};

export const updateTask: Operation = async (context, itemIndex) => {
  const body = collectionOf(context, "updateFields", itemIndex);
  const path = `${TASKS}/${idOf(context, "taskId", itemIndex)}`;
  return [await requestRecord(context, { method: "PATCH", path, body, itemIndex })];
};

export const listTasks: Operation = async (context, itemIndex) => {
  const query = collectionOf(context, "filters", itemIndex);
  return await listRecords(context, { path: TASKS, query, itemIndex }, limitOf(context, itemIndex));
};

/** Log a note, a call, a mail or a meeting on the timeline of a lead. */
export const logActivity: Operation = async (context, itemIndex) => {
  const type = textOf(context, "activityType", itemIndex);
  const text = textOf(context, "text", itemIndex);
  const outcome = type === "call" ? textOf(context, "outcome", itemIndex) : "";
  const body = { type, ...(text ? { text } : {}), ...(outcome ? { outcome } : {}) };
  const path = `${leadPath(idOf(context, "leadId", itemIndex))}/activities`;
  return [await requestRecord(context, { method: "POST", path, body, itemIndex })];
};

export const listActivities: Operation = async (context, itemIndex) => {
  const path = `${leadPath(idOf(context, "leadId", itemIndex))}/activities`;
  return await listRecords(context, { path, itemIndex }, limitOf(context, itemIndex));
};
