// The shared worker of all pages of this browser: see live_feeds.js.

import { servePage } from "./live_feeds.js";

// The checker knows this script as one of a page.
const worker = /** @type {{onconnect?: (event: MessageEvent) => void}} */ (/** @type {unknown} */ (self));
worker.onconnect = ({ ports: [port] }) => servePage(port);
