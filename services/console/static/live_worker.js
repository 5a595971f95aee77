// The shared worker of all pages of this browser: see live_feeds.js.

import { servePage } from "./live_feeds.js";

self.onconnect = ({ ports: [port] }) => servePage(port);
