import type {
  IAuthenticateGeneric,
  ICredentialTestRequest,
  ICredentialType,
  Icon,
  INodeProperties,
} from "n8n-workflow";

/** An API key of a workspace, and the address of its LeadHub. */
export class LeadHubApi implements ICredentialType {
  name = "leadHubApi";

  displayName = "LeadHub API";

  icon: Icon = { light: "file:../icons/leadhub.svg", dark: "file:../icons/leadhub.dark.svg" };

  documentationUrl = "https://docs.n8n.io/integrations/community-nodes/installation/";

  properties: INodeProperties[] = [
    {
      displayName: "Base URL",
      name: "baseUrl",
      type: "string",
      default: "",
      required: true,
      placeholder: "https://crm.example.com",
      description: "The address of your LeadHub, without a path",
    },
    {
      displayName: "API Key",
      name: "apiKey",
      type: "string",
      typeOptions: { password: true },
      default: "",
      required: true,
      description: "A key of the workspace. It begins with lh_.",
    },
    {
      displayName: "Workspace",
      name: "tenant",
      type: "string",
      default: "",
      placeholder: "main",
      description: "The short name of the key's workspace. If it is empty, each run asks for it once.",
    },
  ];

  authenticate: IAuthenticateGeneric = {
    type: "generic",
    properties: { headers: { Authorization: "=Bearer {{$credentials.apiKey}}" } },
  };

  // n8n would send the key along to wherever a redirect leads.
  test: ICredentialTestRequest = {
    request: { baseURL: "={{$credentials.baseUrl}}", url: "/api/v1/me", disableFollowRedirect: true },
  };
}
