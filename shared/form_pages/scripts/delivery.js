// Delivery: a post goes on under one key until it is answered.

import { shared } from "./page_registry.js";
import { forget } from "./pending_posts.js";
import { online, parseJson, pause, policyTold } from "./values.js";

/** @import { PendingPost } from "./pending_posts.js" */

/** @typedef {"accepted" | "invalid" | "unsent" | "refused"} OutcomeKind */

/**
 * The server's JSON.
 * @typedef {object} Answer
 * @property {string} [status]
 * @property {string} [submission_id]
 * @property {string} [message]
 * @property {string} [redirect_url]
 * @property {Record<string, string[]>} [errors] texts by field key, "" for the whole form
 */

/**
 * @typedef {object} Outcome
 * @property {OutcomeKind} kind
 * @property {Answer} said what the server answers
 * @property {number} after seconds that the server wants to be left alone
 */

export const SEND_AGAIN_SECONDS = [1, 3, 10];
// For a Retry-After; beyond, the visitor decides.
const MAX_WAIT_SECONDS = 60;
const MAX_POST_MILLISECONDS = 30_000;
const MAX_UPLOAD_MILLISECONDS = 600_000;
// Browsers refuse 64 KiB.
const MAX_KEEPALIVE_BYTES = 60_000;

/**
 * @param {PendingPost} record
 * @param {[string, File][]} files
 */
function bodyOf(record, files) {
  const body = files.length ? new FormData() : new URLSearchParams();
  const extra = record.extra || [["_key", record.key]];
  for (const [name, value] of [...record.pairs, ...files, ...extra]) {
    body.append(name, /** @type {string} */ (value));
  }
  return body;
}

/**
 * @param {PendingPost} record
 * @param {[string, File][]} files
 * @returns {Promise<Outcome>}
 */
async function post(record, files) {
  const body = bodyOf(record, files);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), files.length ? MAX_UPLOAD_MILLISECONDS : MAX_POST_MILLISECONDS);
  try {
    const response = await fetch(record.action, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      keepalive: !files.length && String(body).length < MAX_KEEPALIVE_BYTES,
      signal: stop.signal,
    });
    const answer = parseJson(await response.text()) || {};
    const after = Number(response.headers.get("Retry-After")) || 0;
    return { kind: outcomeKind(response.status, answer), said: answer, after };
  } catch {
    await policyTold();
    return { kind: "unsent", said: {}, after: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * A success without our JSON is not ours: portals of hotels and trains answer so.
 * @param {number} status
 * @param {Answer} answer
 * @returns {OutcomeKind}
 */
function outcomeKind(status, answer) {
  // The key is random and bound to these values: an earlier attempt arrived.
  if (status === 409) return "accepted";
  if (status === 422) return "invalid";
  if (status < 300) return answer.status ? "accepted" : "unsent";
  return status >= 500 || [408, 425, 429].includes(status) ? "unsent" : "refused";
}

/**
 * Posts until there is an answer, or four attempts have failed. `tell` is called before each pause.
 * @param {PendingPost} record
 * @param {[string, File][]} files
 * @param {() => void} tell
 */
async function deliver(record, files, tell) {
  for (let tries = 0; ; tries += 1) {
    const result = await post(record, files);
    if (result.kind !== "unsent") forget(record);
    const isOver = tries === SEND_AGAIN_SECONDS.length || result.after > MAX_WAIT_SECONDS;
    if (result.kind !== "unsent" || isOver || shared.isBlocked) return result;
    tell();
    const seconds = Math.max(SEND_AGAIN_SECONDS[tries], result.after);
    await (result.after ? pause(seconds) : Promise.race([pause(seconds), online()]));
  }
}

/**
 * Sends a post. There is one per key, whoever asks for it.
 * @param {PendingPost} record
 * @param {[string, File][]} files
 * @param {() => void} [tell] called before each pause
 * @returns {Promise<Outcome>}
 */
export function send(record, files, tell = () => {}) {
  const underWay = shared.jobs.get(record.key);
  if (underWay) return underWay;
  const job = deliver(record, files, tell).finally(() => shared.jobs.delete(record.key));
  shared.jobs.set(record.key, job);
  return job;
}
