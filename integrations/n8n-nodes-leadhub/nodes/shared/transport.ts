// How the nodes call LeadHub's API, and what they make of its answers.

import {
  type IDataObject,
  type IExecuteFunctions,
  type IHookFunctions,
  type IHttpRequestMethods,
  type ILoadOptionsFunctions,
  type IN8nHttpFullResponse,
  NodeApiError,
} from "n8n-workflow";

export const CREDENTIAL_NAME = "leadHubApi";
const LARGEST_PAGE = 100; // records
const TIMEOUT = 45_000; // milliseconds: LeadHub waits for a verdict for up to 30 s
const TOO_MANY_REQUESTS = 429;
const SHOWN_PROBLEMS = 5;

/** Who calls: a node at work, its subscription, or a list that the editor shows. */
export type ApiCaller = IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions;

/** One request. `itemIndex` is the item that it is made for, which an error names. */
export interface ApiCall {
  method: IHttpRequestMethods;
  path: string;
  query?: IDataObject;
  body?: IDataObject;
  headers?: IDataObject;
  itemIndex?: number;
}

/** The answer, whatever its status. */
export interface ApiAnswer {
  status: number;
  headers: IDataObject;
  body: IDataObject;
}

/** Send a request. The answer is returned whatever its status. */
export async function exchange(caller: ApiCaller, call: ApiCall): Promise<ApiAnswer> {
  const { baseUrl } = await caller.getCredentials(CREDENTIAL_NAME);
  const answer = (await caller.helpers.httpRequestWithAuthentication.call(caller, CREDENTIAL_NAME, {
    method: call.method,
    baseURL: String(baseUrl).replace(/\/+$/, ""),
    url: call.path,
    qs: call.query,
    body: call.body,
    headers: { Accept: "application/json", ...call.headers },
    json: true,
    returnFullResponse: true,
    ignoreHttpStatusErrors: true,
    disableFollowRedirect: true,
    timeout: TIMEOUT,
  })) as IN8nHttpFullResponse;
  const isRecord = typeof answer.body === "object" && answer.body !== null && !Buffer.isBuffer(answer.body);
  const body = isRecord ? (answer.body as IDataObject) : {};
  return { status: answer.statusCode, headers: answer.headers as IDataObject, body };
}

/** Send a request and return the body of its answer. Throws NodeApiError for any status but 2xx. */
export async function request(caller: ApiCaller, call: ApiCall): Promise<IDataObject> {
  const answer = await exchange(caller, call);
  if (answer.status < 200 || answer.status > 299) throw apiError(caller, call, answer);
  return answer.body;
}

/** Return the record of an answer. */
export async function requestRecord(caller: ApiCaller, call: ApiCall): Promise<IDataObject> {
  return (await request(caller, call)).data as IDataObject;
}

/** Return up to `limit` records, read by cursor: the cost of a page does not grow with its place. */
export async function listRecords(
  caller: ApiCaller,
  call: Omit<ApiCall, "method">,
  limit = Number.POSITIVE_INFINITY,
): Promise<IDataObject[]> {
  const records: IDataObject[] = [];
  const pageSize = Math.min(limit, LARGEST_PAGE);
  for (let cursor: string | null = ""; cursor !== null && records.length < limit; ) {
    const query: IDataObject = { ...call.query, per_page: pageSize, cursor };
    const page = await request(caller, { ...call, method: "GET", query });
    records.push(...(page.data as IDataObject[]));
    const next = (page.meta as { next_cursor: string | null }).next_cursor;
    cursor = next === cursor ? null : next;
  }
  return records.slice(0, limit);
}

/** The error that n8n shows for an answer: first what is wrong, then the status and the id to ask about. */
export function apiError(caller: ApiCaller, call: ApiCall, answer: ApiAnswer): NodeApiError {
  const code = String(answer.body.code ?? "no error of LeadHub");
  const id = answer.headers["x-request-id"];
  const told = id ? `, request ${id}` : "";
  const description = `${call.method} ${call.path} was answered ${answer.status} (${code})${told}`;
  return new NodeApiError(
    caller.getNode(),
    { message: problemOf(answer), code },
    {
      message: problemOf(answer),
      description,
      httpCode: String(answer.status),
      itemIndex: call.itemIndex,
    },
  );
}

function problemOf(answer: ApiAnswer): string {
  const seconds = answer.headers["retry-after"];
  if (answer.status === TOO_MANY_REQUESTS && seconds) {
    return `The key has no requests left. Try again in ${seconds} seconds.`;
  }
  const problems = Object.values((answer.body.errors ?? {}) as Record<string, string[]>).flat();
  if (problems.length) return problems.slice(0, SHOWN_PROBLEMS).join(" ");
  return String(answer.body.message ?? "The answer is not from LeadHub. Is the base URL right?");
}
