// How a client sends calls, walks pages, and what its groups of methods stand on.

import { type Call, callUrl, type RetryPolicy, readError, readJson, requestInit, secondsToWait } from "./calls.js";
import { ApiError, ConnectionFailed, LeadHubError } from "./errors.js";
import type { Query } from "./query.js";
import type { WebhookEvent } from "./webhooks.js";

const LARGEST_PAGE = 100; // records
const NO_CONTENT = 204;
const EVENTS_PATH = "/api/v1/events";
const NEWEST = "now";

/** What can be set of a client. */
export interface Options {
  /** The slug of the key's workspace. Without it the key is asked for it once. */
  tenant?: string;
  /** How often a call is tried again, and how long the client waits at most. */
  policy?: Partial<RetryPolicy>;
  /** Seconds for one attempt. */
  timeout?: number;
  /** In place of the global one. */
  fetch?: typeof fetch;
  /** What the pauses between attempts are made of. */
  sleep?: (seconds: number) => Promise<void>;
}

/** The answer to a call. */
export interface Answer {
  status: number;
  headers: Headers;
  data: unknown;
  bytes: Uint8Array | null;
}

/** What the answer of a call is to be. */
export type AnswerKind = "object" | "any" | "bytes";

interface Records<Model> {
  data: Model[];
  meta: { next_cursor: string | null; total: number };
}

interface Events {
  data: WebhookEvent[];
  meta: { next_cursor: string };
}

function sleepFor(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** What went wrong: `fetch failed` says nothing, its cause does, such as `unexpected redirect`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? `${String(error)} (${cause.message})` : String(error);
}

/** Sends calls, and sends them again where that is safe. */
export class Transport {
  readonly #base: string;
  readonly #key: string;
  readonly #policy: RetryPolicy;
  readonly #timeout: number;
  readonly #fetch: typeof fetch;
  readonly #sleep: (seconds: number) => Promise<void>;

  constructor(baseUrl: string, apiKey: string, options: Options) {
    if (!/^https?:\/\/[^/]/.test(baseUrl)) throw new TypeError(`not the address of a LeadHub: ${baseUrl}`);
    if (!/^lh_[!-~]+$/.test(apiKey)) throw new TypeError("an API key begins with lh_");
    this.#base = baseUrl.replace(/\/+$/, "");
    this.#key = apiKey;
    this.#policy = { retries: 5, longestWait: 60, ...options.policy };
    this.#timeout = options.timeout ?? 45;
    this.#fetch = options.fetch ?? fetch.bind(globalThis);
    this.#sleep = options.sleep ?? sleepFor;
  }

  /** The answer. Throws ApiError, or ConnectionFailed where none came. */
  async send(call: Call, kind: AnswerKind = "object"): Promise<Answer> {
    const url = callUrl(this.#base, call);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#sendOnce(url, call, kind);
      } catch (error) {
        const pause = secondsToWait(call, this.#policy, attempt, error);
        if (pause === null) throw error;
        await this.#sleep(pause);
      }
    }
  }

  async #sendOnce(url: string, call: Call, kind: AnswerKind): Promise<Answer> {
    const init = requestInit(call, this.#key, AbortSignal.timeout(this.#timeout * 1000));
    try {
      const response = await this.#fetch(url, init);
      if (!response.ok) throw await readError(response);
      const { status, headers } = response;
      if (kind === "bytes") return { status, headers, data: null, bytes: new Uint8Array(await response.arrayBuffer()) };
      const data = status === NO_CONTENT ? null : await readJson(response);
      const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
      if (kind === "object" && status !== NO_CONTENT && !isObject) {
        throw new TypeError("the answer is not an object of JSON");
      }
      return { status, headers, data, bytes: null };
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new ConnectionFailed(`${call.method} ${call.path}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** All records that match, read page by page while they are iterated over. */
export class Pages<Model> implements AsyncIterable<Model> {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #query: object;

  constructor(transport: Transport, path: string, query: object) {
    this.#transport = transport;
    this.#path = path;
    this.#query = query;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Model, void, undefined> {
    for await (const page of this.pages()) yield* page;
  }

  /** The records of one page after another. */
  async *pages(): AsyncGenerator<Model[], void, undefined> {
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page: Records<Model> = await this.#read({ per_page: LARGEST_PAGE, ...this.#query, cursor });
      yield page.data;
      if (page.meta.next_cursor === cursor) {
        throw new LeadHubError(`GET ${this.#path}: the same next_cursor came twice`);
      }
      cursor = page.meta.next_cursor;
    }
  }

  /** The first record; null if nothing matches. */
  async first(): Promise<Model | null> {
    const page = await this.#read({ ...this.#query, per_page: 1, cursor: "" });
    return page.data[0] ?? null;
  }

  /** How many match. A search for leads counts up to a bound. */
  async count(): Promise<number> {
    return (await this.#read({ ...this.#query, per_page: 1 })).meta.total;
  }

  async #read(query: object): Promise<Records<Model>> {
    return (await this.#transport.send({ method: "GET", path: this.#path, query })).data as Records<Model>;
  }
}

/**
 * A workspace's events, oldest first, read answer by answer while they are iterated over.
 *
 * It ends where nothing more is there; with `wait` it never ends.
 */
export class EventFeed implements AsyncIterable<WebhookEvent> {
  readonly #transport: Transport;
  readonly #query: Query<"list_events">;
  /**
   * Where to go on another time. It moves when the next answer is asked for: whoever fails amid the events of one gets
   * these again, and misses none.
   */
  cursor: string | null;

  constructor(transport: Transport, query: Query<"list_events">) {
    this.#transport = transport;
    this.#query = query;
    this.cursor = query.after ?? null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WebhookEvent, void, undefined> {
    for await (const page of this.pages()) yield* page;
  }

  /** The events of one answer after another, and no empty ones. Throws an ApiError of 410 if the cursor is too old. */
  async *pages(): AsyncGenerator<WebhookEvent[], void, undefined> {
    if (this.cursor === NEWEST) {
      // "now" is later each time: a first answer that waited could not be asked for again.
      this.cursor = (await this.#read({ ...this.#query, after: this.cursor, wait: undefined })).meta.next_cursor;
    }
    for (;;) {
      const { data, meta } = await this.#read({ ...this.#query, after: this.cursor });
      if (data.length) yield data;
      this.cursor = meta.next_cursor;
      if (!data.length && !this.#query.wait) return;
    }
  }

  async #read(query: object): Promise<Events> {
    return (await this.#transport.send({ method: "GET", path: EVENTS_PATH, query })).data as Events;
  }
}

/** A group of methods, about one kind of record. */
export class Resource {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  protected pages<Model>(path: string, query: object): Pages<Model> {
    return new Pages(this.#transport, path, query);
  }

  protected async data<Model>(method: string, path: string, query: object = {}, body?: unknown): Promise<Model> {
    const answer = await this.#transport.send({ method, path, query, body });
    return (answer.data === null ? null : (answer.data as { data: Model }).data) as Model;
  }

  protected async bytes(method: string, path: string, query: object = {}): Promise<Uint8Array> {
    return (await this.#transport.send({ method, path, query }, "bytes")).bytes ?? new Uint8Array();
  }

  protected async nothing(method: string, path: string, query: object = {}): Promise<void> {
    await this.#transport.send({ method, path, query });
  }
}
