// Signatures of Standard Webhooks, as they come to a trigger.

import { createHmac, timingSafeEqual } from "node:crypto";

/** @import { Bundle } from "zapier-platform-core" */

const ZAPIERS_PREFIX = /^http-/; // `webhook-id` comes as `Http-Webhook-Id`

/**
 * Tells whether a message is signed with the secret of its subscription. Its age does not matter: Zapier holds
 * messages, and plays them again after days. A repeat has the same `id`.
 *
 * @param {Bundle<any>} bundle
 */
export function isGenuine(bundle) {
  const { headers = {}, content = "" } = bundle.rawRequest ?? {};
  const entries = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase().replace(ZAPIERS_PREFIX, ""),
    value,
  ]);
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": sent = "" } = Object.fromEntries(entries);
  const { secret = "" } = /** @type {{ secret?: string }} */ (bundle.subscribeData ?? {});
  const hmac = createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64"));
  const expected = Buffer.from(`v1,${hmac.update(`${id}.${time}.${content}`).digest("base64")}`);
  const signatures = String(sent)
    .split(" ")
    .map((one) => Buffer.from(one));
  return secret !== "" && signatures.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}
