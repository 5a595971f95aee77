// After a response: errors as one sentence, of the kind that Zapier acts on.

/** @import { AfterResponseMiddleware, HttpResponse } from "zapier-platform-core" */

const UNKNOWN_KEY = "LeadHub does not know this API key. Connect the account again with one that is valid.";
const BUSY_SECONDS = 60;

/**
 * Throws for 4xx and 5xx. Of 429 Zapier's core has thrown a `ThrottledError` by now.
 *
 * @type {AfterResponseMiddleware}
 */
export function refuseErrors(response, z, bundle) {
  return response.skipThrowForStatus ? response : refuseError(response, z, bundle);
}

/**
 * Throws for 4xx and 5xx, also where the request asked for no errors.
 *
 * @type {AfterResponseMiddleware}
 */
export function refuseError(response, z) {
  if (response.status < 400) return response;
  if (response.status === 401) throw new z.errors.Error(UNKNOWN_KEY, "AuthenticationError", 401);
  if (response.status === 503) {
    throw new z.errors.ThrottledError("LeadHub is busy.", Number(response.getHeader("retry-after")) || BUSY_SECONDS);
  }
  throw new z.errors.Error(
    errorSentence(response),
    response.status < 500 ? "InvalidData" : "ServerError",
    response.status,
  );
}

/**
 * @param {HttpResponse} response
 * @returns {string} the messages of all fields, otherwise the one message
 */
function errorSentence(response) {
  const { errors, message } = response.data ?? {};
  const messages = Object.values(errors ?? {}).flat();
  return messages.length ? messages.join(" ") : (message ?? `LeadHub answered with status ${response.status}.`);
}
