import { IDEMPOTENCY_HEADER } from "./calls.js";
import type { Query } from "./query.js";
import { Groups } from "./resources.js";
import type { BatchResult, DryRunResult, Health, Import, InboundLead, InboundResult, Me } from "./schema.js";
import { type Answer, EventFeed, type Options, Transport } from "./transport.js";

const BATCH_SIZE = 1000; // leads that one request may hold
const INBOUND = "/api/inbound/leads";

/** How a lead is sent. */
export interface SubmitOptions {
  /** Of your own, where your program may be started again and send the lead once more. */
  idempotencyKey?: string;
  /** For how many seconds (1 to 30) the answer waits for the lead's id; 0: not at all. */
  wait?: number;
}

/** A client of one LeadHub, with one key. */
export class LeadHub extends Groups {
  #tenant: string | undefined;

  constructor(baseUrl: string, apiKey: string, options: Options = {}) {
    super(new Transport(baseUrl, apiKey, options));
    this.#tenant = options.tenant;
  }

  /**
   * Send a lead, once, however often it has to be sent: a person who is known already is not doubled. Where the answer
   * came before the verdict, its `lead_id` is null: `submissions.get` has it later.
   */
  async submitLead(lead: InboundLead, options: SubmitOptions = {}): Promise<InboundResult> {
    const headers = submitHeaders(options.idempotencyKey ?? crypto.randomUUID(), options.wait);
    const query = { tenant: await this.tenant() };
    const answer = await this.transport.send({ method: "POST", path: INBOUND, query, body: lead, headers });
    return answer.data as InboundResult;
  }

  /** What would become of a lead. Nothing is stored. */
  async tryLead(lead: InboundLead): Promise<DryRunResult> {
    const query = { tenant: await this.tenant(), dry_run: 1 };
    return (await this.transport.send({ method: "POST", path: INBOUND, query, body: lead })).data as DryRunResult;
  }

  /** Send any number of leads, a thousand a request. A bad one fails alone: its `status` is `invalid`. */
  async submitLeads(leads: readonly InboundLead[], options: SubmitOptions = {}): Promise<BatchResult[]> {
    const key = options.idempotencyKey ?? crypto.randomUUID();
    const query = { tenant: await this.tenant() };
    const results: BatchResult[] = [];
    for (let start = 0; start < leads.length; start += BATCH_SIZE) {
      const headers = submitHeaders(start ? `${key}-${start}` : key, options.wait);
      const body = leads.slice(start, start + BATCH_SIZE);
      const answer = await this.transport.send({ method: "POST", path: `${INBOUND}/batch`, query, body, headers });
      const { data } = answer.data as { data: BatchResult[] };
      results.push(...data.map((result) => ({ ...result, index: result.index + start })));
    }
    return results;
  }

  /** Fill in a form, by the keys of its fields. The answer is that of `submitLead`. */
  async submitForm(
    formId: number,
    values: Record<string, unknown>,
    options: SubmitOptions = {},
  ): Promise<InboundResult> {
    const headers = submitHeaders(options.idempotencyKey ?? crypto.randomUUID(), options.wait);
    const path = `/api/v1/forms/${formId}/submissions`;
    return (await this.transport.send({ method: "POST", path, body: values, headers })).data as InboundResult;
  }

  /** Send a CSV or Excel file of leads. The import runs on: `imports.get` tells how far it is. */
  async importLeads(fileName: string, file: Blob, fields: ImportOptions = {}, dryRun = false): Promise<Import> {
    const body = new FormData();
    body.append("file", file, fileName);
    body.append("options", JSON.stringify(fields));
    const query = dryRun ? { dry_run: 1 } : {};
    const answer = await this.transport.send({ method: "POST", path: "/api/v1/leads/import", query, body });
    return (answer.data as { data: Import }).data;
  }

  /**
   * The workspace's events, oldest first, to iterate over. They are recorded from the first request on.
   *
   * `after` is the `cursor` of the last time, or `now`; without it the oldest event that is kept comes first. With
   * `wait`, the seconds (1 to 25) that an answer waits for an event, the iterator never ends.
   */
  events(query: Query<"list_events"> = {}): EventFeed {
    return new EventFeed(this.transport, query);
  }

  /** The key's name, scopes, limit and workspace. */
  async me(): Promise<Me> {
    return ((await this.transport.send({ method: "GET", path: "/api/v1/me" })).data as { data: Me }).data;
  }

  /** Whether leads are taken. Throws an ApiError with the status 503 where they are not. */
  async health(): Promise<Health> {
    return (await this.transport.send({ method: "GET", path: "/api/v1/health" })).data as Health;
  }

  /** The slug of the key's workspace. */
  async tenant(): Promise<string> {
    this.#tenant ??= (await this.me()).workspace.slug;
    return this.#tenant;
  }

  /** Send any request of the API, for what has no method yet, or to see headers and `meta`. */
  async request(method: string, path: string, query: object = {}, body?: unknown): Promise<Answer> {
    return this.transport.send({ method: method.toUpperCase(), path, query, body }, "any");
  }
}

/** How the rows of a file are read, and what becomes of them. */
export interface ImportOptions {
  /** A lead field, `full_name`, `custom_fields.<key>`, `tags` or null for each column; guessed without one. */
  mapping?: Record<string, string | null>;
  merge_policy?: "fill_empty" | "overwrite" | "keep";
  source?: string;
  tags?: string[];
  run_automations?: boolean;
  invalid?: "keep" | "reject";
  encoding?: string;
  phone_country?: string;
}

function submitHeaders(key: string, wait: number | undefined): Record<string, string> {
  if (wait === undefined) return { [IDEMPOTENCY_HEADER]: key };
  return { [IDEMPOTENCY_HEADER]: key, Prefer: wait ? `wait=${wait}` : "respond-async" };
}
