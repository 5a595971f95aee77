// The workspace of the key.

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const CACHED_SECONDS = 3600;

/**
 * Returns the short name that inbound leads are sent with. Zapier keeps it for an hour: a request less for each lead.
 *
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 * @returns {Promise<string>}
 */
export async function workspaceSlug(z, bundle) {
  // Of the key itself: an account that was connected again may have one of another workspace.
  const cacheKey = `workspace-${z.hash("sha256", bundle.authData.key)}`;
  const knownSlug = await z.cache.get(cacheKey);
  if (knownSlug) return knownSlug;
  const response = await z.request("/api/v1/me");
  const { slug } = response.data.data.workspace;
  await z.cache.set(cacheKey, slug, CACHED_SECONDS);
  return slug;
}
