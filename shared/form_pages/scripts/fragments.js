// The markup and the styles of a form, as LeadHub sends them to other sites.

import { SEND_AGAIN_SECONDS } from "./delivery.js";
import { counted } from "./page_facts.js";
import { shared } from "./page_registry.js";
import { base } from "./this_script.js";
import { pause, policyTold } from "./values.js";

/** @typedef {{html: string, css: string}} Fragment */

class LoadError extends Error {
  /** @param {string} url @param {number} status */
  constructor(url, status) {
    super(`LeadHub: ${url} answered ${status}`);
    this.isFinal = status < 500;
  }
}

/** @param {string} url */
async function load(url) {
  const answer = await fetch(url);
  if (answer.ok) return answer.text();
  throw new LoadError(url, answer.status);
}

/**
 * What a form is made of. Tried again as posts are; what failed is forgotten. Rejects with what went wrong last.
 * @param {string} id the form's public id
 * @returns {Promise<Fragment>}
 */
export function fragmentOf(id) {
  const known = shared.fragments.get(id);
  if (known) return known;
  const loading = loadFragment(id);
  loading.catch(() => shared.fragments.delete(id));
  shared.fragments.set(id, loading);
  return loading;
}

/** @param {string} id */
async function loadFragment(id) {
  for (let tries = 0; ; tries += 1) {
    try {
      const [html, css] = await Promise.all([load(counted(`${id}/fragment`)), load(`${base}${id}/form.css`)]);
      return { html, css };
    } catch (error) {
      await policyTold();
      const isFinal = error instanceof LoadError && error.isFinal;
      if (shared.isBlocked || isFinal || tries === SEND_AGAIN_SECONDS.length) throw error;
      await pause(SEND_AGAIN_SECONDS[tries]);
    }
  }
}

/**
 * A document with this markup. A parser runs no scripts. Hosts with Trusted Types need a policy for it.
 * @param {string} html
 */
export function parseHtml(html) {
  if (window.trustedTypes && !shared.policy) {
    shared.policy = window.trustedTypes.createPolicy("leadhub", { createHTML: (text) => text });
  }
  return new DOMParser().parseFromString(shared.policy ? shared.policy.createHTML(html) : html, "text/html");
}
