// The lists that the editor offers in dropdowns. Each is read when it is opened.

import type { IDataObject, ILoadOptionsFunctions, INodePropertyOptions } from "n8n-workflow";
import { listRecords, requestRecord } from "./transport";

async function namedRecords(caller: ILoadOptionsFunctions, path: string): Promise<INodePropertyOptions[]> {
  const records = await listRecords(caller, { path });
  return records.map((record) => ({ name: String(record.name), value: Number(record.id) }));
}

/** Forms, by id. */
export async function getForms(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  return await namedRecords(this, "/api/v1/forms");
}

/** Fields of the chosen form, by key. */
export async function getFormFields(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const formId = Number(this.getCurrentNodeParameter("formId"));
  if (!formId) return [];
  const form = await requestRecord(this, { method: "GET", path: `/api/v1/forms/${formId}` });
  const fields = form.fields as IDataObject[];
  return fields.map((field) => ({
    name: String(field.label || field.key),
    value: String(field.key),
    description: `${String(field.type)}${field.required ? ", required" : ""}`,
  }));
}

/** Pipelines, by id. */
export async function getPipelines(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  return await namedRecords(this, "/api/v1/pipelines");
}

/** Stages of all pipelines, by id. A stage implies its pipeline. */
export async function getStages(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const pipelines = await listRecords(this, { path: "/api/v1/pipelines" });
  return pipelines.flatMap((pipeline) =>
    (pipeline.stages as IDataObject[]).map((stage) => ({
      name: `${String(pipeline.name)}: ${String(stage.name)}`,
      value: Number(stage.id),
    })),
  );
}

/** Tags, by name: the API takes them so. */
export async function getTags(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  const tags = await listRecords(this, { path: "/api/v1/tags" });
  return tags.map((tag) => ({ name: String(tag.name), value: String(tag.name) }));
}

/** People of the workspace, by id. */
export async function getUsers(this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
  return await namedRecords(this, "/api/v1/users");
}
