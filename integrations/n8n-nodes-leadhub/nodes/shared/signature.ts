// The signatures of Standard Webhooks, by which LeadHub's messages are known.

import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_SECONDS = 300;
const SECRET_PREFIX = "whsec_";

/** Headers of a request, by their names in lower case. */
export type MessageHeaders = Record<string, string | string[] | undefined>;

/**
 * Return why a message is refused; empty if it is genuine and fresh. `body` is what came, before anything parsed it,
 * `now` the time in Unix seconds.
 */
export function refusalOf(headers: MessageHeaders, body: Buffer, secret: string, now = Date.now() / 1000): string {
  const id = headerOf(headers, "webhook-id");
  const time = headerOf(headers, "webhook-timestamp");
  if (!id || !/^\d+$/.test(time)) return "the message is not signed";
  if (Math.abs(now - Number(time)) > TOLERANCE_SECONDS) return "the message is too old or from the future";
  const key = Buffer.from(secret.replace(SECRET_PREFIX, ""), "base64");
  if (!key.length) return "the subscription has no secret";
  const digest = createHmac("sha256", key).update(`${id}.${time}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${digest}`);
  // There are two for a while after the secret was changed.
  const signatures = headerOf(headers, "webhook-signature")
    .split(" ")
    .map((each) => Buffer.from(each));
  const isGenuine = signatures.some((each) => each.length === expected.length && timingSafeEqual(each, expected));
  return isGenuine ? "" : "no signature matches";
}

function headerOf(headers: MessageHeaders, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(" ") : (value ?? "");
}
