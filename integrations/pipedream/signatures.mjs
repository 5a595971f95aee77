// Signatures of Standard Webhooks.

import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERATED_SECONDS = 300;

/**
 * Tells whether a message is signed with the secret, and not older than five minutes.
 *
 * @param {Record<string, string>} headers by their names in lower case
 * @param {string} body as it came
 * @param {string | undefined} secret with its `whsec_`; none where nothing was subscribed
 */
export function isGenuine(headers, body, secret) {
  if (!secret) return false;
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures = "" } = headers;
  const hmac = createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64"));
  const expected = Buffer.from(`v1,${hmac.update(`${id}.${timestamp}.${body}`).digest("base64")}`);
  const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < TOLERATED_SECONDS;
  const isExpected = (/** @type {Buffer} */ one) => one.length === expected.length && timingSafeEqual(one, expected);
  return isFresh && signatures.split(" ").some((one) => isExpected(Buffer.from(one)));
}
