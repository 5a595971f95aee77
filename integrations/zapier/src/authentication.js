// How an account is connected: the server's address and an API key.

import { withPlainErrors } from "./network_errors.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const TRIGGER_SCOPES = ["read:leads", "read:integrations", "write:integrations"];

/**
 * A key without the scopes of triggers is taken: actions may be all that it is for. The connection's name says it.
 *
 * @param {ZObject} z
 * @returns {Promise<object>} the key and its workspace
 */
async function test(z) {
  const response = await z.request("/api/v1/me");
  if (!response.data?.data?.workspace) {
    throw new z.errors.Error("There is no LeadHub at this address.", "InvalidData", response.status);
  }
  return response.data.data;
}

/**
 * @param {ZObject} _z
 * @param {Bundle} bundle `inputData` is what `test` returned
 */
function connectionLabel(_z, bundle) {
  const me = /** @type {{ name: string, scopes: string[], workspace: { name: string } }} */ (bundle.inputData);
  const missing = me.scopes.includes("*") ? [] : TRIGGER_SCOPES.filter((scope) => !me.scopes.includes(scope));
  const name = `${me.workspace.name} (${me.name})`;
  return missing.length ? `${name}, not for triggers: the key lacks ${missing.join(", ")}` : name;
}

export const authentication = {
  type: "custom",
  fields: [
    {
      key: "address",
      label: "Address of your LeadHub",
      helpText: "Such as `https://crm.example.com`: where you open the console.",
      placeholder: "https://crm.example.com",
      required: true,
    },
    {
      key: "key",
      label: "API key",
      helpText:
        "Make one in the console under **API keys**. Triggers need the scopes `read:leads`, `read:integrations` and " +
        "`write:integrations`, actions `read:leads` and `write:leads`, lists to choose from `read:pipelines`, " +
        "`read:tags`, `read:users` and `read:forms`.",
      type: "password",
      required: true,
    },
  ],
  test: withPlainErrors(test),
  connectionLabel,
};
