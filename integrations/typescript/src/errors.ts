/** Any failure of a call. */
export class LeadHubError extends Error {
  override readonly name: string = "LeadHubError";
}

/** No answer of a LeadHub came: the host is away, the connection broke, the time was up, or it is not JSON. */
export class ConnectionFailed extends LeadHubError {
  override readonly name = "ConnectionFailed";
}

/** A message is not from LeadHub, or is too old. */
export class InvalidWebhook extends LeadHubError {
  override readonly name = "InvalidWebhook";
}

/** What the answer of an error says. */
export interface ErrorBody {
  message?: string;
  code?: string;
  errors?: Record<string, string[]>;
  request_id?: string;
  count?: number;
  /** Where to go on in the feed of events. */
  oldest_cursor?: string;
}

/** An answer that is no success, told apart by `code`: `VALIDATION_FAILED`, `RATE_LIMITED`, `NOT_FOUND`. */
export class ApiError extends LeadHubError {
  override readonly name = "ApiError";
  readonly code: string;
  /** All messages by field. */
  readonly errors: Record<string, string[]>;
  /** What to tell the operator. */
  readonly requestId: string | null;

  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    /** Seconds, where the server said so. */
    readonly retryAfter: number | null,
    requestId: string | null,
  ) {
    const fields = Object.entries(body.errors ?? {}).map(([field, messages]) => `${field}: ${messages.join(" ")}`);
    const told = fields.length ? ` (${fields.join("; ")})` : "";
    super(`${status} ${body.code ?? "HTTP_ERROR"}: ${body.message ?? ""}${told}`);
    this.code = body.code ?? "HTTP_ERROR";
    this.errors = body.errors ?? {};
    this.requestId = body.request_id ?? requestId;
  }
}
