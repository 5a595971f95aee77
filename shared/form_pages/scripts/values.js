// Small helpers for values and for waiting.

/** @param {number} seconds */
export const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Waits until the browser is online again. */
export const online = () => new Promise((resolve) => addEventListener("online", resolve, { once: true }));

/** A violation of the host's policy is told after the request has failed. */
export const policyTold = () => pause(0.1);

/**
 * What an act comes to, or null: storage may be full or forbidden, and texts of others may be no JSON.
 * @template T
 * @param {() => T} act
 * @returns {T | null}
 */
export function attempt(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

/**
 * The value of a JSON text, or null. What it holds is the caller's to know.
 * @param {string | null | undefined} text
 */
export const parseJson = (text) => attempt(() => JSON.parse(/** @type {string} */ (text)));

/** @param {Uint8Array} bytes */
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** 32 hexadecimal digits. `crypto.randomUUID` is missing on pages without TLS. */
export const randomKey = () => hex(crypto.getRandomValues(new Uint8Array(16)));

/**
 * An absolute address of the web, or "".
 * @param {string | null} text
 * @param {string} [start] the address that relative ones start from
 */
export function webAddress(text, start) {
  const url = attempt(() => new URL(/** @type {string} */ (text), start));
  return url && /^https?:$/.test(url.protocol) ? url.href : "";
}
