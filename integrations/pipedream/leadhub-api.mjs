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
 * @throws {RefusedRequest} for all answers but 2xx, and for those that are not JSON
 */
export async function callLeadHub(account, method, path, { params, body, headers } = {}) {
  const url = new URL(path, account.address);
  url.search = new URLSearchParams(params).toString();
  const response = await fetch(url, {
    method,
    headers: { Authorization: `Bearer ${account.key}`, "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
    redirect: "manual", // a redirect would carry the key elsewhere
  });
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) throw new RefusedRequest(response, answer);
  return answer;
}

/** An answer that is no 2xx, or not from LeadHub. Its message is that of each field at fault, or the answer's own. */
export class RefusedRequest extends Error {
  /**
   * @param {Response} response
   * @param {{ message?: string, errors?: Record<string, string[]> } | null} answer
   */
  constructor(response, answer) {
    const messages = Object.values(answer?.errors ?? {}).flat();
    const stranger = `The answer is not from LeadHub (status ${response.status}). Is the address right?`;
    const seconds = response.headers.get("retry-after");
    const pause = seconds ? ` Try again in ${seconds} seconds.` : "";
    super((messages.join(" ") || answer?.message || stranger) + pause);
    this.name = "RefusedRequest";
    this.status = response.status;
  }
}
