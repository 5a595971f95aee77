export type { RetryPolicy } from "./calls.js";
export { type ImportOptions, LeadHub, type SubmitOptions } from "./client.js";
export { ApiError, ConnectionFailed, type ErrorBody, InvalidWebhook, LeadHubError } from "./errors.js";
export type * from "./schema.js";
export { type Answer, EventFeed, type Options, Pages } from "./transport.js";
export { VERSION } from "./version.js";
export { type VerifyOptions, verifyWebhook, type WebhookEvent, type WebhookHeaders } from "./webhooks.js";
