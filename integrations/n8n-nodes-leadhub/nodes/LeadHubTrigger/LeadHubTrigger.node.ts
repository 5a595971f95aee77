import {
  type IDataObject,
  type IHookFunctions,
  type INodeType,
  type INodeTypeDescription,
  type IWebhookFunctions,
  type IWebhookResponseData,
  NodeConnectionTypes,
} from "n8n-workflow";
import { getForms, getStages, getTags } from "../shared/loadOptions";
import { refusalOf } from "../shared/signature";
import { hasSubscription, keptSubscription, subscribe, unsubscribe } from "./subscription";
import { triggerFields } from "./triggerFields";

const UNAUTHORIZED = 401;

/** Starts a workflow by an event of LeadHub, once its signature is known to be genuine. */
export class LeadHubTrigger implements INodeType {
  description: INodeTypeDescription = {
    displayName: "LeadHub Trigger",
    name: "leadHubTrigger",
    icon: { light: "file:../../icons/leadhub.svg", dark: "file:../../icons/leadhub.dark.svg" },
    group: ["trigger"],
    version: 1,
    subtitle: '={{$parameter["events"].join(", ")}}',
    description: "Starts the workflow when something happens to a lead",
    defaults: { name: "LeadHub Trigger" },
    inputs: [],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: "leadHubApi", required: true }],
    webhooks: [{ name: "default", httpMethod: "POST", responseMode: "onReceived", path: "webhook" }],
    properties: triggerFields,
  };

  methods = { loadOptions: { getForms, getStages, getTags } };

  webhookMethods = {
    default: {
      async checkExists(this: IHookFunctions): Promise<boolean> {
        return await hasSubscription(this);
      },
      async create(this: IHookFunctions): Promise<boolean> {
        await subscribe(this);
        return true;
      },
      async delete(this: IHookFunctions): Promise<boolean> {
        await unsubscribe(this);
        return true;
      },
    },
  };

  async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
    const { rawBody } = this.getRequestObject();
    const body = rawBody ?? Buffer.alloc(0);
    const refusal = refusalOf(this.getHeaderData(), body, keptSubscription(this).secret ?? "");
    if (refusal) {
      this.getResponseObject()
        .status(UNAUTHORIZED)
        .json({ message: `Refused: ${refusal}.` });
      return { noWebhookResponse: true };
    }
    return { workflowData: [[{ json: JSON.parse(body.toString("utf8")) as IDataObject }]] };
  }
}
