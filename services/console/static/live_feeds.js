// The streams of live pages, and who in this browser watches them. It runs in a shared worker, so that pages that show
// the same share one stream: over HTTP/1.1 a browser opens six connections to a host, for all its pages together.
// A page says every few seconds that it watches a feed, and says when it stops. A page that is silent is gone.

const MAX_STREAMS = 3; // at once; the other connections are for pages. Feeds beyond it take turns.
const TURN_SECONDS = 4;
const SILENT_SECONDS = 15;
const MAX_PAUSE_SECONDS = 30; // before a stream that broke is opened again

/** @typedef {{event: string, data: string, status?: undefined}} News of a stream; `event` is "" where it has no name */
/** @typedef {{event?: undefined, data?: undefined, status: number}} Refusal the status of an answer without a stream */
/** @typedef {News | Refusal} Message */

/**
 * @typedef {object} Feed
 * @property {string} key of the reader and the address
 * @property {string} url
 * @property {Map<MessagePort, number>} pages that watch it, each with when it was last heard
 * @property {number} askedAt
 * @property {number} openedAt
 * @property {number} failures in a row
 * @property {AbortController | null} request
 */

/** @type {Map<string, Feed>} */
const feeds = new Map();
let isSteered = false;

/**
 * Hears a page: `{watch: {key, url}}` or `{leave: true}`. The page hears `{event, data}` and `{status}`.
 * @param {MessagePort} port
 */
export function servePage(port) {
  if (!isSteered) setInterval(steer, 1000);
  isSteered = true;
  port.onmessage = ({ data }) => {
    for (const feed of feeds.values()) if (feed.key !== data.watch?.key) feed.pages.delete(port);
    if (data.watch) {
      const feed = feeds.get(data.watch.key) ?? newFeed(data.watch);
      feed.pages.set(port, performance.now());
    }
    steer();
  };
}

/**
 * @param {{key: string, url: string}} watched
 * @returns {Feed}
 */
function newFeed({ key, url }) {
  const feed = { key, url, pages: new Map(), askedAt: performance.now(), openedAt: 0, failures: 0, request: null };
  feeds.set(key, feed);
  return feed;
}

// End the streams that nobody watches, and begin those whose turn it is.
function steer() {
  const now = performance.now();
  for (const feed of feeds.values()) {
    for (const [page, heardAt] of feed.pages) if (now - heardAt > SILENT_SECONDS * 1000) feed.pages.delete(page);
    if (!feed.pages.size) remove(feed);
  }
  const due = [...feeds.values()].filter((feed) => !feed.request && feed.askedAt <= now);
  due.sort((one, other) => one.askedAt - other.askedAt);
  for (const feed of due) {
    const open = [...feeds.values()].filter((one) => one.request);
    if (open.length >= MAX_STREAMS) {
      const oldest = open.reduce((one, other) => (one.openedAt < other.openedAt ? one : other));
      if (now - oldest.openedAt < TURN_SECONDS * 1000) return;
      end(oldest);
    }
    begin(feed);
  }
}

/** @param {Feed} feed */
function begin(feed) {
  feed.request = new AbortController();
  feed.openedAt = performance.now();
  read(feed, feed.request.signal);
}

/** @param {Feed} feed */
function end(feed) {
  feed.request?.abort();
  feed.request = null;
  feed.askedAt = performance.now();
}

/** @param {Feed} feed */
function remove(feed) {
  end(feed);
  feeds.delete(feed.key);
}

/**
 * @param {Feed} feed
 * @param {AbortSignal} signal
 */
async function read(feed, signal) {
  try {
    const headers = { Accept: "text/event-stream", "HX-Request": "true" };
    const answer = await fetch(feed.url, { headers, signal, cache: "no-store", redirect: "error" });
    if (!answer.ok) tell(feed, { status: answer.status });
    else if (answer.body) await readMessages(answer.body, (message) => tellNews(feed, message));
  } catch {
    // The network, the server or the reader's session is away: the stream is opened again.
  }
  if (signal.aborted) return;
  feed.request = null;
  const seconds = Math.min(MAX_PAUSE_SECONDS, 2 ** feed.failures) * (0.5 + Math.random() / 2);
  feed.failures += 1;
  feed.askedAt = performance.now() + seconds * 1000;
}

/**
 * @param {Feed} feed
 * @param {Message} message
 */
function tellNews(feed, message) {
  feed.failures = 0;
  tell(feed, message);
}

/**
 * @param {Feed} feed
 * @param {Message} message
 */
function tell(feed, message) {
  for (const page of feed.pages.keys()) page.postMessage(message);
}

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @param {(message: Message) => void} take
 */
async function readMessages(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const messages = (text + value).split("\n\n");
    text = messages.pop() ?? "";
    for (const message of messages) takeMessage(message.split("\n"), take);
  }
}

/**
 * @param {string[]} lines
 * @param {(message: Message) => void} take
 */
function takeMessage(lines, take) {
  const values = (/** @type {string} */ name) =>
    lines.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  const [event, data] = [values("event")[0] ?? "", values("data")];
  if (event || data.length) take({ event, data: data.join("\n") });
}
