// What the components share: how they reach a LeadHub.

/** @typedef {{ address: string, key: string }} Account */

export const ACCOUNT_PROPS = {
  address: {
    type: "string",
    label: "Address of your LeadHub",
    description: "Such as `https://crm.example.com`: where you open the console.",
  },
  key: {
    type: "string",
    label: "API key",
    description: "Make one in the console under **API keys**.",
    secret: true,
  },
};

/**
 * Sends a request and returns what was answered; null for 204.
 *
 * @param {Account} account
 * @param {string} method
 * @param {string} path such as `/api/v1/leads`
 * @param {{ params?: Record<string, string>, body?: object, headers?: Record<string, string> }} [options]
 * @returns {Promise<any>}
 * @throws {RefusedRequest} for all answers but 2xx
 */
export async function callLeadHub(account, method, path, { params, body, headers } = {}) {
  const url = new URL(path, account.address);
  url.search = new URLSearchParams(params).toString();
  const response = await fetch(url, {
    method,
    headers: { Authorization: `Bearer ${account.key}`, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
    redirect: "error", // a redirect would carry the key elsewhere
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new RefusedRequest(response.status, answer);
  return answer;
}

/** An answer that is no 2xx. Its message is that of each field at fault, otherwise the answer's own. */
export class RefusedRequest extends Error {
  /**
   * @param {number} status
   * @param {{ message?: string, errors?: Record<string, string[]> } | null} answer
   */
  constructor(status, answer) {
    const messages = Object.values(answer?.errors ?? {}).flat();
    super(messages.join(" ") || answer?.message || `LeadHub answered with status ${status}.`);
    this.name = "RefusedRequest";
    this.status = status;
  }
}
