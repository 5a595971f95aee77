// What all copies of the script on a page share, so that none does again what another has done.

/** @import { Consent, TcfData } from "./consent.js" */
/** @import { Outcome } from "./delivery.js" */
/** @import { Fragment } from "./fragments.js" */
/** @import { PageFacts } from "./page_facts.js" */
/** @import { PendingPost } from "./pending_posts.js" */
/** @import { Touch } from "./touches.js" */

/**
 * A post that an earlier page view left unanswered.
 * @typedef {object} EarlierPost
 * @property {PendingPost} record
 * @property {Promise<Outcome>} job
 * @property {boolean} isTaken a form shows what becomes of it
 * @property {boolean} isTold the page was told that it has arrived
 */

/**
 * Copies of other versions may be on the page: names are never given to other things.
 * @typedef {object} PageRegistry
 * @property {WeakSet<Element>} claimed elements that have a form, or are one
 * @property {Set<string>} names what happens once per page
 * @property {Map<string, Promise<Fragment>>} fragments by form
 * @property {Map<string, Promise<Outcome>>} jobs posts under way, by key
 * @property {Map<string, EarlierPost>} resumed by form
 * @property {Consent} consent what `leadhub:consent` events said
 * @property {TcfData | null} tcf the last data of a consent platform
 * @property {PageFacts | null} page in a frame: what the page around it told
 * @property {string} source where this page view is counted
 * @property {boolean} isBlocked the host's policy forbids our requests
 * @property {Touch & {isArrival: boolean}} [touch] of this page view
 * @property {{createHTML(text: string): string}} [policy] for hosts with Trusted Types
 */

const name = Symbol.for("leadhub");
const page = /** @type {Record<symbol, PageRegistry | undefined>} */ (/** @type {unknown} */ (window));

export const isFirstCopy = !page[name];

/** @type {PageRegistry} */
export const shared = page[name] || {
  claimed: new WeakSet(),
  names: new Set(),
  fragments: new Map(),
  jobs: new Map(),
  resumed: new Map(),
  consent: {},
  tcf: null,
  page: null,
  source: "",
  isBlocked: false,
};

/** Leaves the registry where copies that come later find it. */
export function shareRegistry() {
  page[name] = shared;
}

/**
 * Adds a thing to a set, and returns whether it is new there.
 * @template {string | Element} T
 * @param {{has(thing: T): boolean, add(thing: T): unknown}} set
 * @param {T} thing
 */
export const isNew = (set, thing) => !set.has(thing) && Boolean(set.add(thing));
