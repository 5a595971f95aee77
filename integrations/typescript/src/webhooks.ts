// The signatures of Standard Webhooks, checked by WebCrypto: the same in Node, browsers, Deno and workers.

import { InvalidWebhook } from "./errors.js";
import type { webhooks } from "./schema.js";

const TOLERANCE_SECONDS = 300;
const SECRET_PREFIX = "whsec_";

type EventOf<Name extends keyof webhooks> = webhooks[Name]["post"] extends {
  requestBody: { content: { "application/json": infer Body } };
}
  ? Body
  : never;
/** A message that LeadHub sends. Its `event` tells what its `data` holds. */
export type WebhookEvent = { [Name in keyof webhooks]: EventOf<Name> }[keyof webhooks];

/** The headers of a request, as `fetch` or Node have them. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/** What can be set of a check: seconds that a message may be old, and the time in Unix seconds. */
export interface VerifyOptions {
  tolerance?: number;
  now?: number;
}

/**
 * The event of a message, once it is known to be genuine and fresh. Throws InvalidWebhook.
 *
 * `body` is what came, before anything parsed it; `secret` is the subscription's, with its `whsec_`. A message may come
 * twice: its `id` tells.
 */
export async function verifyWebhook(
  headers: WebhookHeaders,
  body: string | Uint8Array | ArrayBuffer,
  secret: string,
  options: VerifyOptions = {},
): Promise<WebhookEvent> {
  const id = header(headers, "webhook-id");
  const time = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature").split(" ");
  checkTime(time, options);
  const raw = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
  const start = new TextEncoder().encode(`${id}.${time}.`);
  const signed = new Uint8Array(start.length + raw.length);
  signed.set(start);
  signed.set(raw, start.length);
  const key = await secretKey(secret);
  for (const signature of signatures) {
    const bytes = signature.startsWith("v1,") ? fromBase64(signature.slice(3)) : null;
    if (bytes && (await crypto.subtle.verify("HMAC", key, bytes, signed))) return parse(raw);
  }
  throw new InvalidWebhook("No signature matches.");
}

function header(headers: WebhookHeaders, name: string): string {
  const found =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  const value = Array.isArray(found) ? found.join(" ") : found;
  if (!value) throw new InvalidWebhook(`The header ${name} is missing.`);
  return value;
}

function checkTime(text: string, options: VerifyOptions): void {
  if (!/^\d+$/.test(text)) throw new InvalidWebhook("The header webhook-timestamp is no number.");
  const now = options.now ?? Date.now() / 1000;
  if (Math.abs(now - Number(text)) > (options.tolerance ?? TOLERANCE_SECONDS)) {
    throw new InvalidWebhook("The message is too old or from the future.");
  }
}

async function secretKey(secret: string): Promise<CryptoKey> {
  const bytes = fromBase64(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret);
  if (!bytes?.length) throw new InvalidWebhook("The secret is not one of LeadHub's: whsec_ and Base64.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

function parse(raw: Uint8Array): WebhookEvent {
  try {
    return JSON.parse(new TextDecoder().decode(raw)) as WebhookEvent;
  } catch (error) {
    throw new InvalidWebhook("The body is not JSON.", { cause: error });
  }
}
