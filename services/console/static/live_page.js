// What a live page hears, from the browser's shared worker. A page that is hidden or paused hears nothing.

import { servePage } from "./live_feeds.js";

const WATCH_SECONDS = 5;
const WORKER_URL = new URL("./live_worker.js", import.meta.url).href;

/** @import { Message } from "./live_feeds.js" */

/** Calls `take({event, data})` and `take({status})` for the feed at an address, while `watch` says so. */
export class LiveFeed {
  /**
   * @param {string} url
   * @param {string} reader whose news they are: readers share no stream
   * @param {(message: Message) => void} take
   */
  constructor(url, reader, take) {
    this.feed = { key: `${reader} ${url}`, url };
    this.isWanted = false;
    this.take = take;
    /** @type {MessagePort | null} */
    this.port = null;
    setInterval(() => this.say(), WATCH_SECONDS * 1000);
    document.addEventListener("visibilitychange", () => this.say());
    window.addEventListener("pagehide", () => this.port?.postMessage({ leave: true }));
    window.addEventListener("pageshow", () => this.say());
  }

  /** @param {boolean} isWanted */
  watch(isWanted) {
    this.isWanted = isWanted;
    this.say();
  }

  say() {
    const isWatching = this.isWanted && !document.hidden;
    if (!this.port && !isWatching) return;
    this.port ??= this.connect();
    this.port.postMessage(isWatching ? { watch: this.feed } : { leave: true });
  }

  connect() {
    return this.hear(
      sharedPort((own) => {
        this.hear(own);
        this.say();
      }) ?? ownPort(),
    );
  }

  /** @param {MessagePort} port */
  hear(port) {
    port.onmessage = ({ data }) => {
      if (this.isWanted && !document.hidden) this.take(data);
    };
    this.port = port;
    return port;
  }
}

/**
 * Where the worker cannot run, such as in browsers without shared workers, a page has a stream of its own.
 * @param {(port: MessagePort) => void} replace
 */
function sharedPort(replace) {
  if (!window.SharedWorker) return null;
  const policy = window.trustedTypes?.createPolicy("leadhub-live", { createScriptURL: () => WORKER_URL });
  const worker = new SharedWorker(policy ? policy.createScriptURL("") : WORKER_URL, { type: "module" });
  worker.addEventListener("error", () => replace(ownPort()), { once: true });
  return worker.port;
}

function ownPort() {
  const { port1, port2 } = new MessageChannel();
  servePage(port1);
  return port2;
}
