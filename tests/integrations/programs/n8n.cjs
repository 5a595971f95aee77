// Runs the nodes for n8n as n8n does: with a `this` whose requests go to a running LeadHub. Settings come as JSON in
// the environment; what it prints is JSON. `settings.nodes` is the folder with the compiled nodes.

const { createServer } = require("node:http");
const { once } = require("node:events");
const { join } = require("node:path");

const settings = JSON.parse(process.env.SETTINGS);
const load = (...words) => require(join(settings.nodes, ...words));
const { LeadHubApi } = load("credentials", "LeadHubApi.credentials.js");
const { LeadHub } = load("nodes", "LeadHub", "LeadHub.node.js");
const { LeadHubTrigger } = load("nodes", "LeadHubTrigger", "LeadHubTrigger.node.js");
const DEADLINE = 60_000; // milliseconds
const credentials = { baseUrl: `${settings.url}/`, apiKey: settings.key, tenant: settings.tenant ?? "" };
const NODE = { id: "a-node", name: "LeadHub", type: "leadHub", typeVersion: 1, position: [0, 0], parameters: {} };
let requests = 0;

/** An expression of a credential. */
const fill = (text) => text.replace(/^=/, "").replace(/\{\{\$credentials\.(\w+)\}\}/g, (_, key) => credentials[key]);

/** n8n's own helper: it adds what the credential says, and here throws for no status. */
async function httpRequestWithAuthentication(name, options) {
  const api = new LeadHubApi();
  if (name !== api.name || !options.ignoreHttpStatusErrors || !options.returnFullResponse) throw new Error(name);
  const header = api.authenticate.properties.headers.Authorization;
  const url = new URL(options.baseURL + options.url);
  for (const [key, value] of Object.entries(options.qs ?? {})) url.searchParams.set(key, String(value));
  requests += 1;
  const answer = await fetch(url, {
    method: options.method,
    headers: { ...options.headers, Authorization: fill(header), "Content-Type": "application/json" },
    body: options.body && JSON.stringify(options.body),
    redirect: options.disableFollowRedirect ? "manual" : "follow",
  });
  const text = await answer.text();
  return { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body: text ? JSON.parse(text) : "" };
}

/** What n8n and the node's parameters give to a node. */
function caller(parameters, more = {}) {
  return {
    continueOnFail: () => false,
    getCredentials: async () => credentials,
    getExecutionId: () => settings.execution ?? "1",
    getInputData: () => (parameters.items ?? [{}]).map((json) => ({ json })),
    getCurrentNodeParameter: (name) => parameters[name],
    getNode: () => NODE,
    // A node at work names the item before the fallback, a subscription has none.
    getNodeParameter: (name, ...others) => {
      const itemIndex = typeof others[0] === "number" ? others.shift() : 0;
      const item = parameters.items?.[itemIndex];
      return item?.[name] ?? parameters[name] ?? others[0];
    },
    getTimezone: () => "Europe/Berlin",
    getWorkflow: () => ({ id: "w", name: "Tested", active: true }),
    helpers: { httpRequestWithAuthentication },
    ...more,
  };
}

function errorOf(error) {
  const { name, message, description, httpCode, context } = error;
  return { name, message, description, httpCode, itemIndex: context?.itemIndex };
}

async function execute(parameters) {
  const context = caller(parameters, { continueOnFail: () => parameters.continueOnFail === true });
  try {
    const [results] = await new LeadHub().execute.call(context);
    return results.map(({ json, pairedItem }) => ({ ...json, item: pairedItem.item }));
  } catch (error) {
    return { error: errorOf(error) };
  }
}

/** One message as n8n hands it over, and what the node answers. */
async function take(request, rawBody, staticData) {
  const answer = { status: 200, body: null };
  const response = {
    status(status) {
      answer.status = status;
      return this;
    },
    json(body) {
      answer.body = body;
    },
  };
  const context = caller(settings.trigger, {
    getHeaderData: () => request.headers,
    getRequestObject: () => ({ rawBody }),
    getResponseObject: () => response,
    getWorkflowStaticData: () => staticData,
  });
  const { workflowData } = await new LeadHubTrigger().webhook.call(context);
  return { ...answer, items: workflowData?.[0].map(({ json }) => json) ?? [] };
}

/** Subscribe, have something happen, take the real message and forged ones, unsubscribe. */
async function followTrigger() {
  const staticData = {};
  const messages = [];
  const server = createServer(async (request, response) => {
    const rawBody = Buffer.concat(await request.toArray());
    const taken = await take(request, rawBody, staticData);
    messages.push({ headers: request.headers, rawBody, taken });
    response.writeHead(taken.status).end();
    server.emit("message");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const hook = caller(settings.trigger, {
    getNodeWebhookUrl: () => `http://127.0.0.1:${server.address().port}/webhook`,
    getWorkflowStaticData: () => staticData,
  });
  const { checkExists, create, delete: remove } = new LeadHubTrigger().webhookMethods.default;
  const before = await checkExists.call(hook);
  await create.call(hook);
  const { webhookId } = staticData;
  const there = await checkExists.call(hook);
  const arrival = once(server, "message", { signal: AbortSignal.timeout(DEADLINE) });
  for (const parameters of settings.happenings) await execute(parameters);
  await arrival;
  const [{ headers, rawBody, taken }] = messages;
  const other = Buffer.from(rawBody.toString().replace("example.com", "example.org"));
  const later = { ...headers, "webhook-timestamp": String(Number(headers["webhook-timestamp"]) - 3600) };
  const forged = {
    changed: (await take({ headers }, other, staticData)).status,
    old: (await take({ headers: later }, rawBody, staticData)).status,
    unsigned: (await take({ headers: {} }, rawBody, staticData)).status,
    stranger: (await take({ headers }, rawBody, {})).status,
    again: (await take({ headers }, rawBody, staticData)).status,
  };
  await remove.call(hook);
  await remove.call(hook); // one that is gone is done
  const after = await checkExists.call(hook);
  server.close();
  server.closeAllConnections();
  return { before, there, after, webhookId, taken, forged, messages: messages.length, kept: Object.keys(staticData) };
}

/** The request by which n8n tests the credential. */
async function testCredential() {
  const { baseURL, ...more } = new LeadHubApi().test.request;
  const options = { ...more, baseURL: fill(baseURL).replace(/\/+$/, ""), method: "GET" };
  const full = { ...options, ignoreHttpStatusErrors: true, returnFullResponse: true };
  return (await httpRequestWithAuthentication(new LeadHubApi().name, full)).statusCode;
}

/** A subscription that is not as the node wants it is made anew. */
async function changeTrigger() {
  const staticData = {};
  const common = { getNodeWebhookUrl: () => "https://n8n.example.com/webhook", getWorkflowStaticData: () => staticData };
  const { checkExists, create } = new LeadHubTrigger().webhookMethods.default;
  await create.call(caller(settings.trigger, common));
  const { webhookId } = staticData;
  const kept = { ...staticData };
  const editor = { getNodeWebhookUrl: () => "https://n8n.example.com/test", getWorkflowStaticData: () => kept };
  const listening = await checkExists.call(caller(settings.trigger, editor));
  const unharmed = await checkExists.call(caller(settings.trigger, common));
  const changed = caller({ ...settings.trigger, events: ["lead.deleted"] }, common);
  const exists = await checkExists.call(changed);
  await create.call(changed);
  return { listening, unharmed, exists, first: webhookId, second: staticData.webhookId };
}

const scenarios = {
  async execute() {
    const outcomes = [];
    for (const parameters of settings.runs) outcomes.push(await execute(parameters));
    return { outcomes, requests };
  },
  async options() {
    const { loadOptions } = new LeadHub().methods;
    const lists = {};
    for (const [name, load] of Object.entries(loadOptions)) lists[name] = await load.call(caller(settings.options));
    return lists;
  },
  trigger: followTrigger,
  change: changeTrigger,
  credential: testCredential,
};

scenarios[process.argv[2]]().then((outcome) => console.log(JSON.stringify(outcome)));
