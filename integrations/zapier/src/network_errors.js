// Requests that get no answer: one plain sentence instead of the words of the network's library.

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const REDIRECTED =
  "The address of your LeadHub leads to another one. Connect the account again with the address that it leads to.";
const UNREACHABLE =
  "LeadHub cannot be reached at this address. Check it: it must begin with https:// and be reachable from the " +
  "internet.";

/**
 * @param {ZObject} z
 * @param {any} error
 */
function plainError(z, error) {
  if (error?.name !== "FetchError") return error;
  const isRedirect = error.type === "no-redirect";
  return new z.errors.Error(isRedirect ? REDIRECTED : UNREACHABLE, isRedirect ? "InvalidData" : "ConnectionError", 400);
}

/**
 * @param {(z: ZObject, bundle: Bundle<any>) => any} perform
 * @returns {(z: ZObject, bundle: Bundle<any>) => Promise<any>}
 */
export function withPlainErrors(perform) {
  return async (z, bundle) => {
    try {
      return await perform(z, bundle);
    } catch (error) {
      throw plainError(z, error);
    }
  };
}

/**
 * Returns an operation all of whose functions have plain errors, also those that make fields.
 *
 * @param {Record<string, any>} operation
 * @returns {Record<string, any>}
 */
export function plainOperation(operation) {
  const plain = (/** @type {any} */ value) => (typeof value === "function" ? withPlainErrors(value) : value);
  const entries = Object.entries(operation);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(plain) : plain(value)]),
  );
}
