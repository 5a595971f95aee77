// Proof of work: ALTCHA 2 with PBKDF2. In batches, so that the page stays quick; `crypto.subtle` works beside the main
// thread. Without TLS there is none: the missing proof costs points, not the lead.

import { hex, pause } from "./values.js";

const MAX_TRIES = 100_000;
const BATCH = 20;

/**
 * `nonce`, `salt` and `keyPrefix` are hexadecimal, `keyLength` is in bytes.
 * @typedef {object} ChallengeParameters
 * @property {string} algorithm such as `PBKDF2/SHA-256`
 * @property {string} nonce
 * @property {string} salt
 * @property {number} cost iterations
 * @property {number} keyLength
 * @property {string} keyPrefix with which the key of a solution begins
 */

/** @typedef {{parameters: ChallengeParameters, signature: string}} Challenge */

/** @param {string} text */
const bytes = (text) => (text.match(/../g) || []).map((pair) => parseInt(pair, 16));

/**
 * The proof as the server reads it, or "" if there is none.
 * @param {Challenge} challenge
 */
export async function solve({ parameters, signature }) {
  const { algorithm, nonce, salt, cost, keyLength, keyPrefix } = parameters;
  const kind = { name: "PBKDF2", hash: algorithm.split("/")[1], salt: new Uint8Array(bytes(salt)), iterations: cost };
  const derive = async (/** @type {number} */ counter) => {
    const password = new Uint8Array([...bytes(nonce), 0, 0, 0, 0]);
    new DataView(password.buffer).setUint32(password.length - 4, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    return hex(new Uint8Array(await crypto.subtle.deriveBits(kind, key, keyLength * 8)));
  };
  for (let from = 0; from < MAX_TRIES; from += BATCH) {
    const keys = await Promise.all(Array.from({ length: BATCH }, (_, index) => derive(from + index)));
    const hit = keys.findIndex((key) => key.startsWith(keyPrefix));
    const solution = { counter: from + hit, derivedKey: keys[hit] };
    if (hit >= 0) return btoa(JSON.stringify({ challenge: { parameters, signature }, solution }));
    await pause(0);
  }
  return "";
}
