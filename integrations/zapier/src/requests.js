// Before a request: where it goes, and with which key.

/** @import { BeforeRequestMiddleware, ZObject } from "zapier-platform-core" */

const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Adds the server's address and the key to one of our paths. Other URLs do not get the key.
 *
 * @type {BeforeRequestMiddleware}
 */
export function addServer(request, z, bundle) {
  if (!request.url.startsWith("/")) return request;
  const headers = { ...request.headers, Authorization: `Bearer ${bundle.authData.key}` };
  const url = serverOrigin(z, bundle.authData.address) + request.url;
  return { ...request, url, headers, redirect: "error" }; // a redirect would carry the key elsewhere
}

/**
 * @param {ZObject} z
 * @param {string} address as a person typed it: without `https://` perhaps, or with the console's path
 * @returns {string} the address's scheme, name and port
 */
function serverOrigin(z, address) {
  const text = String(address ?? "").trim();
  const whole = text.includes("://") ? text : `https://${text}`;
  if (!URL.canParse(whole)) throw new z.errors.Error("This is no address of a LeadHub.", "InvalidData", 400);
  const url = new URL(whole);
  if (url.protocol !== "https:" && !LOOPBACK_NAMES.includes(url.hostname)) {
    throw new z.errors.Error("The address of your LeadHub must begin with https://.", "InvalidData", 400);
  }
  return url.origin;
}
