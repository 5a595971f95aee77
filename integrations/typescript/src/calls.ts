// Whether a call is sent again, and how it becomes a request.

import { ApiError, type ErrorBody } from "./errors.js";
import { VERSION } from "./version.js";

export const IDEMPOTENCY_HEADER = "Idempotency-Key";
const RETRIED_STATUSES = new Set([429, 502, 503, 504]);
const FIRST_PAUSE_SECONDS = 0.5;
const LONGEST_PAUSE_SECONDS = 10;

/** How often a call is tried again, and for how many seconds the client waits where the server says how long. */
export interface RetryPolicy {
  retries: number;
  longestWait: number;
}

/** A request. */
export interface Call {
  method: string;
  path: string;
  query?: object;
  /** Sent as JSON, unless it is a form. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Those calls are sent again that change nothing, or nothing more the second time. */
function isRepeatable(call: Call): boolean {
  return call.method === "GET" || IDEMPOTENCY_HEADER in (call.headers ?? {});
}

/** The seconds to wait before the next attempt; null if there is to be none. `attempt` counts from 0. */
export function secondsToWait(call: Call, policy: RetryPolicy, attempt: number, error: unknown): number | null {
  if (!isRepeatable(call) || attempt >= policy.retries) return null;
  if (error instanceof ApiError) {
    if (!RETRIED_STATUSES.has(error.status)) return null;
    if (error.retryAfter !== null) return error.retryAfter <= policy.longestWait ? error.retryAfter : null;
  }
  const most = Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** attempt);
  return most * (0.5 + Math.random() / 2); // so that many clients do not come back at once
}

/**
 * The address of a call. Values that are null or undefined are not sent. Throws RangeError for a path with a part of
 * one or two dots: an address drops it, together with the part before, and names another record.
 */
export function callUrl(base: string, call: Call): string {
  if (call.path.split("/").some((part) => part === "." || part === "..")) {
    throw new RangeError(`not the path of a record: ${call.path}`);
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return `${base}${call.path}${text ? `?${text}` : ""}`;
}

/** The request of a call. */
export function requestInit(call: Call, apiKey: string, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = { Authorization: `Bearer ${apiKey}`, ...call.headers };
  // A browser has a name of its own, and would ask the server whether it may send another one.
  if (!("window" in globalThis)) headers["User-Agent"] = `leadhub-client-typescript/${VERSION}`;
  const init: RequestInit = { method: call.method, headers, signal, redirect: "error" };
  if (call.body instanceof FormData) return { ...init, body: call.body };
  if (call.body === undefined) return init;
  headers["Content-Type"] = "application/json";
  return { ...init, body: JSON.stringify(call.body) };
}

/** The error of an answer that is no success. */
export async function readError(response: Response): Promise<ApiError> {
  const after = response.headers.get("Retry-After") ?? "";
  const body = ((await readJson(response)) ?? { message: response.statusText }) as ErrorBody;
  const retryAfter = /^\d+$/.test(after) ? Number(after) : null;
  return new ApiError(response.status, body, retryAfter, response.headers.get("X-Request-Id"));
}

/** The JSON of an answer; null where it has none. */
export async function readJson(response: Response): Promise<unknown> {
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) return null;
  return JSON.parse(await response.text());
}
