// What the visitor agreed to, as the host's page tells it.

import { shared } from "./page_registry.js";
import { option, script } from "./this_script.js";

/** @typedef {"ad_storage" | "ad_user_data" | "ad_personalization"} ConsentName */

/**
 * What is not known is absent.
 * @typedef {Partial<Record<ConsentName, boolean>>} Consent
 */

/**
 * What a consent platform tells by the `__tcfapi` of TCF 2.
 * @typedef {object} TcfData
 * @property {boolean} [gdprApplies]
 * @property {string} [eventStatus]
 * @property {{consents: Record<number, boolean>}} [purpose]
 */

/** @type {ConsentName[]} */
const CONSENT_NAMES = ["ad_storage", "ad_user_data", "ad_personalization"];

/** @param {boolean} isGranted */
const allAlike = (isGranted) => Object.fromEntries(CONSENT_NAMES.map((name) => [name, isGranted]));

/** @returns {Consent} */
export function currentConsent() {
  if (shared.page) return shared.page.consent || {};
  const fixed = option("consent", script.closest("[data-leadhub-form]"));
  if (fixed === "granted" || fixed === "denied") return allAlike(fixed === "granted");
  return { ...signalledConsent(), ...shared.consent };
}

// The commands are read where they are needed: `dataLayer` is the host's, we do not wrap its `push`.
function signalledConsent() {
  /** @type {Consent} */
  const consent = {};
  for (const entry of Array.isArray(window.dataLayer) ? window.dataLayer : []) {
    if (entry?.[0] !== "consent" || !entry[2]) continue;
    for (const name of CONSENT_NAMES.filter((one) => entry[2][one])) {
      const isGranted = entry[2][name] === "granted";
      // Defaults may hold for some regions only: one denial suffices.
      consent[name] = entry[1] === "update" ? isGranted : consent[name] !== false && isGranted;
    }
  }
  const platform = tcfConsent();
  for (const name of CONSENT_NAMES) {
    const isGranted = platform[name];
    if (isGranted !== undefined) consent[name] = consent[name] !== false && isGranted;
  }
  return consent;
}

/**
 * The purposes are those by which Google maps TCF to its consent mode.
 * @returns {Consent}
 */
function tcfConsent() {
  const data = shared.tcf;
  if (!data) return {};
  if (data.gdprApplies === false) return allAlike(true);
  if (!["tcloaded", "useractioncomplete"].includes(data.eventStatus || "")) return {};
  const { purpose } = data;
  const has = (/** @type {number[]} */ ...purposes) => purposes.every((one) => Boolean(purpose?.consents[one]));
  return { ad_storage: has(1), ad_user_data: has(1, 7), ad_personalization: has(3, 4) };
}

/**
 * Hears what the host's page says of consent, and calls `onChange` after each word.
 * @param {() => void} onChange
 */
export function watchConsent(onChange) {
  addEventListener("leadhub:consent", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    const words = Object(detail) === detail ? detail : { granted: detail };
    for (const name of CONSENT_NAMES) {
      const value = words[name] === undefined ? words.granted : words[name];
      if (value !== undefined) shared.consent[name] = value === true || value === "granted";
    }
    onChange();
  });
  if (typeof window.__tcfapi === "function") {
    window.__tcfapi("addEventListener", 2, (data, isSuccess) => {
      if (isSuccess) shared.tcf = data;
      onChange();
    });
  }
  // Consent may have come by `dataLayer` meanwhile.
  addEventListener("pagehide", onChange);
}
