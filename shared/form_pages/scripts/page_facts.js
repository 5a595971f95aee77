// What goes with a submission about the page it was made on, and where a page view is counted.

import { currentConsent } from "./consent.js";
import { shared } from "./page_registry.js";
import { base, hostname as ownHost } from "./this_script.js";
import { currentTouches } from "./touches.js";
import { attempt } from "./values.js";

/** @import { Consent } from "./consent.js" */
/** @import { Touch } from "./touches.js" */

/**
 * @typedef {object} PageFacts
 * @property {string} page_url
 * @property {string} query
 * @property {Consent} consent
 * @property {Touch} first
 * @property {Touch} last
 * @property {Record<string, string>} [browser_ids] of ad scripts, with consent only
 */

const MAX_SOURCE_LENGTH = 100;
const BROWSER_IDS = ["_fbp", "_fbc", "_ga"];

/**
 * Where this page view is counted: the campaign's source, otherwise the host of the page before. It is read once, so
 * that view, start and sending are counted alike though consent comes meanwhile. The browser cuts the `Referer` of our
 * requests to the site that the form stands on. Nothing else of an address goes out before the visitor sends.
 */
export function currentSource() {
  const { utm_source: campaign = "", referrer = "" } = currentTouches().last;
  const { hostname } = attempt(() => new URL(referrer)) || { hostname: ownHost };
  const source = campaign.trim() || (hostname !== ownHost && hostname) || "direct";
  shared.source = shared.source || source.slice(0, MAX_SOURCE_LENGTH);
  return shared.source;
}

/**
 * An address of LeadHub whose answer is counted.
 * @param {string} path below `/f/`
 * @param {string} [_source]
 */
export const counted = (path, _source = currentSource()) => `${base}${path}?${new URLSearchParams({ _source })}`;

/**
 * What goes with a submission, or to our frame.
 * @returns {PageFacts}
 */
export function currentPage() {
  if (shared.page) return shared.page;
  const consent = currentConsent();
  /** @type {PageFacts} */
  const page = { page_url: location.href.slice(0, 2048), query: location.search, consent, ...currentTouches() };
  if (consent.ad_storage) {
    const cookies = document.cookie.split(/; */).map((one) => one.split("="));
    const ids = cookies.filter(([name, value]) => BROWSER_IDS.includes(name) && value);
    if (ids.length) page.browser_ids = Object.fromEntries(ids);
  }
  return page;
}
