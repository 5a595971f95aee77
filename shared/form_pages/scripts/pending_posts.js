// Posts that have no answer yet, kept in sessionStorage, so that a reload or a cut network loses no answers.
//
// That needs no consent: the visitor asked for this post, it stays in this tab, and it goes once it is answered. Files
// cannot be kept there.

import { base } from "./this_script.js";
import { attempt, parseJson } from "./values.js";

/**
 * @typedef {object} PendingPost
 * @property {string} id the form's public id
 * @property {string} key the idempotency key
 * @property {string} action
 * @property {[string, string][]} pairs the answers
 * @property {[string, string][]} [extra] what goes with them
 * @property {string} mark of the answers: other answers are another post
 * @property {boolean} hasFiles
 */

const PENDING_PREFIX = `leadhub:pending:${base}`;

/** @param {PendingPost} record */
const pendingName = (record) => `${PENDING_PREFIX}${record.id}:${record.key}`;

/** @param {PendingPost} record */
export const keep = (record) => attempt(() => sessionStorage.setItem(pendingName(record), JSON.stringify(record)));

/** @param {PendingPost} record */
export const forget = (record) => attempt(() => sessionStorage.removeItem(pendingName(record)));

/**
 * The posts of a form that earlier page views left unanswered.
 * @param {string} id
 * @returns {PendingPost[]}
 */
export function pendingRecords(id) {
  const names = attempt(() => Object.keys(sessionStorage)) || [];
  const own = names.filter((name) => name.startsWith(`${PENDING_PREFIX}${id}:`));
  return own.map((name) => parseJson(sessionStorage.getItem(name))).filter(Boolean);
}
