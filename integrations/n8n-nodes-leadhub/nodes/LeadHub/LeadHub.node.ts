import {
  type IExecuteFunctions,
  type INodeExecutionData,
  type INodeType,
  type INodeTypeDescription,
  type JsonObject,
  NodeApiError,
  NodeConnectionTypes,
  NodeOperationError,
} from "n8n-workflow";
import { getFormFields, getForms, getPipelines, getStages, getTags, getUsers } from "../shared/loadOptions";
import { activityFields } from "./fields/activityFields";
import { formFields } from "./fields/formFields";
import { leadFields } from "./fields/leadFields";
import { leadFilters } from "./fields/leadFilters";
import { listFields } from "./fields/listFields";
import { tagFields } from "./fields/tagFields";
import { taskFields } from "./fields/taskFields";
import * as lead from "./operations/lead";
import * as others from "./operations/others";
import type { Operation } from "./operations/values";

const OPERATIONS: Record<string, Operation> = {
  "activity.create": others.logActivity,
  "activity.getAll": others.listActivities,
  "formSubmission.create": others.submitForm,
  "formSubmission.getAll": others.listFormSubmissions,
  "lead.find": lead.findLead,
  "lead.get": lead.getLead,
  "lead.getAll": lead.listLeads,
  "lead.move": lead.moveLead,
  "lead.update": lead.updateLead,
  "lead.upsert": lead.upsertLead,
  "tag.add": others.addTag,
  "tag.getAll": others.listTags,
  "tag.remove": others.removeTag,
  "task.create": others.createTask,
  "task.get": others.getTask,
  "task.getAll": others.listTasks,
  "task.update": others.updateTask,
};

/** Sends leads to LeadHub, and reads and changes what it knows of them. */
export class LeadHub implements INodeType {
  description: INodeTypeDescription = {
    displayName: "LeadHub",
    name: "leadHub",
    icon: { light: "file:../../icons/leadhub.svg", dark: "file:../../icons/leadhub.dark.svg" },
    group: ["transform"],
    version: 1,
    subtitle: '={{$parameter["operation"] + ": " + $parameter["resource"]}}',
    description: "Send, find and change leads, their tags, tasks and timelines",
    defaults: { name: "LeadHub" },
    usableAsTool: true,
    inputs: [NodeConnectionTypes.Main],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: "leadHubApi", required: true }],
    properties: [
      {
        displayName: "Resource",
        name: "resource",
        type: "options",
        noDataExpression: true,
        options: [
          { name: "Activity", value: "activity" },
          { name: "Form Submission", value: "formSubmission" },
          { name: "Lead", value: "lead" },
          { name: "Tag", value: "tag" },
          { name: "Task", value: "task" },
        ],
        default: "lead",
      },
      ...leadFields,
      ...leadFilters,
      ...formFields,
      ...tagFields,
      ...taskFields,
      ...activityFields,
      ...listFields,
    ],
  };

  methods = { loadOptions: { getForms, getFormFields, getPipelines, getStages, getTags, getUsers } };

  async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
    const results: INodeExecutionData[] = [];
    for (const itemIndex of this.getInputData().keys()) {
      try {
        const records = await operationOf(this, itemIndex)(this, itemIndex);
        results.push(...records.map((json) => ({ json, pairedItem: { item: itemIndex } })));
      } catch (error) {
        if (!this.continueOnFail()) throw new NodeApiError(this.getNode(), error as JsonObject, { itemIndex });
        const { message, description } = error as NodeApiError;
        results.push({ json: { error: message, description }, pairedItem: { item: itemIndex } });
      }
    }
    return [results];
  }
}

function operationOf(context: IExecuteFunctions, itemIndex: number): Operation {
  const resource = context.getNodeParameter("resource", itemIndex) as string;
  const operation = context.getNodeParameter("operation", itemIndex) as string;
  const found = OPERATIONS[`${resource}.${operation}`];
  if (found) return found;
  throw new NodeOperationError(context.getNode(), `There is no operation ${operation} of ${resource}.`, { itemIndex });
}
