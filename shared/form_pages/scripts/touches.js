// Where the visitor came from, first and last. Kept for 90 days with consent, otherwise for this page view alone.

import { currentConsent } from "./consent.js";
import { shared } from "./page_registry.js";
import { attempt } from "./values.js";

const TOUCH_DAYS = 90;
const TOUCH_NAME = "leadhub:touches";
const MAX_ADDRESS_LENGTH = 2048;
const CLICK_IDS = "gclid gbraid wbraid dclid fbclid msclkid ttclid twclid li_fat_id ScCid epik rdt_cid".split(" ");
const UTM_NAME = /^utm_(source|medium|campaign|term|content)$/i;

/**
 * `at` is an ISO time; campaign parameters stand beside it under their own names.
 * @typedef {{
 *   at: string, landing_page: string, referrer?: string, click_ids?: Record<string, string>, utm_source?: string,
 * }} Touch
 */

function readTouch() {
  /** @type {Touch & Record<string, any>} */
  const touch = {
    at: new Date().toISOString(),
    landing_page: location.href.split("#")[0].slice(0, MAX_ADDRESS_LENGTH),
  };
  /** @type {Record<string, string>} */
  const clicks = {};
  for (const [name, value] of new URLSearchParams(location.search)) {
    const click = CLICK_IDS.find((one) => one.toLowerCase() === name.toLowerCase());
    if (click) clicks[click] = value;
    else if (UTM_NAME.test(name)) touch[name.toLowerCase()] = value;
  }
  if (Object.keys(clicks).length) touch.click_ids = clicks;
  const isForeign = document.referrer && new URL(document.referrer).origin !== location.origin;
  if (isForeign) touch.referrer = document.referrer.slice(0, MAX_ADDRESS_LENGTH);
  return { ...touch, isArrival: Object.keys(touch).length > 2 };
}

/**
 * First and last touch, which are kept or forgotten as consent has it now.
 * @returns {{first: Touch, last: Touch}}
 */
export function currentTouches() {
  shared.touch = shared.touch || readTouch();
  const { isArrival, ...now } = shared.touch;
  const { ad_storage: isAllowed } = currentConsent();
  if (!isAllowed) {
    if (isAllowed === false) attempt(() => localStorage.removeItem(TOUCH_NAME));
    return { first: now, last: now };
  }
  const kept = attempt(() => JSON.parse(localStorage.getItem(TOUCH_NAME) || "null")) || {};
  const oldest = Date.now() - TOUCH_DAYS * 86_400_000;
  const fresh = (/** @type {Touch | undefined} */ touch) => (touch && Date.parse(touch.at) > oldest ? touch : null);
  const touches = { first: fresh(kept.first) || now, last: (!isArrival && fresh(kept.last)) || now };
  attempt(() => localStorage.setItem(TOUCH_NAME, JSON.stringify(touches)));
  return touches;
}
