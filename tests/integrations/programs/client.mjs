// The scenarios of the TypeScript client's tests. Settings come as JSON in the environment; what it prints is JSON.

import { ApiError, ConnectionFailed, InvalidWebhook, LeadHub, verifyWebhook } from "leadhub-client";

const settings = JSON.parse(process.env.SETTINGS);
const print = (value) => console.log(JSON.stringify(value));
const client = settings.url && new LeadHub(settings.url, settings.key);

async function failureOf(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ApiError) {
      return { status: error.status, code: error.code, fields: Object.keys(error.errors), id: Boolean(error.requestId) };
    }
    return { name: error.name };
  }
}

const scenarios = {
  async create() {
    const lead = { email: "ts@example.com", first_name: "Type", source: "ts" };
    const created = await client.submitLead(lead, { wait: 30 });
    const again = await client.submitLead({ email: "TS@example.com", tags: ["typed"] }, { wait: 30 });
    const batch = await client.submitLeads([{ email: "ts-batch@example.com" }, { email: "no address" }], { wait: 30 });
    const form = await client.forms.create({
      name: "Typed",
      fields: [{ key: "mail", label: "E-mail", type: "email", maps_to: "email" }],
    });
    const filled = await client.submitForm(form.id, { mail: "ts-form@example.com" }, { wait: 30 });
    const found = [];
    for await (const each of client.leads.list({ tag: "typed" })) found.push(each.id);
    print({
      created,
      again,
      batch: batch.map((result) => result.status),
      filled: filled.status,
      found,
      first: await client.leads.list({ email: "nobody@example.com" }).first(),
      lead: await client.leads.get(created.lead_id),
      changed: (await client.leads.update(created.lead_id, { status: "qualified" })).status,
      untagged: (await client.leads.removeTag(created.lead_id, "typed")).tags,
      dots: await failureOf(client.leads.removeTag(created.lead_id, "..")),
      tried: (await client.tryLead({ email: "tried@example.com" })).status,
      exported: new TextDecoder().decode(await client.leads.export({ source: "ts", format: "ndjson" })),
      wrong: await failureOf(client.leads.create({ first_name: "Ada", email: "no address" })),
      deleted: await client.leads.delete(created.lead_id).then(() => failureOf(client.leads.get(created.lead_id))),
      stranger: await failureOf(new LeadHub(settings.url, "lh_wrong").me()),
      health: (await client.health()).status,
    });
  },

  async import() {
    const file = new Blob(["First name,E-mail\nDorothy,ts-import@example.com\n"]);
    let { id, state } = await client.importLeads("people.csv", file, { source: "ts-import" });
    while (state === "queued" || state === "running") {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ({ state } = await client.imports.get(id));
    }
    print({ state, count: await client.leads.list({ source: "ts-import" }).count() });
  },

  async walk() {
    const ids = [];
    for await (const lead of client.leads.list({ source: settings.source })) ids.push(lead.id);
    const sizes = [];
    for await (const page of client.leads.list({ source: settings.source, per_page: 90 }).pages()) sizes.push(page.length);
    print({ ids, sizes });
  },

  async events() {
    const { types, stop } = settings;
    const first = [];
    const feed = client.events({ types });
    for await (const event of feed) if (first.push(event.id) === stop) break;
    const rest = [];
    for await (const event of client.events({ types, after: feed.cursor })) rest.push(event.id);
    const sizes = [];
    for await (const page of client.events({ types, limit: 90 }).pages()) sizes.push(page.length);
    const waiting = client.events({ types, after: "now", wait: 1 });
    const events = waiting[Symbol.asyncIterator]();
    const next = events.next();
    while (waiting.cursor === "now") await new Promise((resolve) => setTimeout(resolve, 50));
    await client.submitLead({ email: `ts-event-${crypto.randomUUID()}@example.com` });
    const waited = (await next).value.event;
    const wrong = client.events({ types: "no.such" })[Symbol.asyncIterator]();
    print({ first, rest, sizes, waited, refused: await failureOf(wrong.next()) });
  },

  async newEvents() {
    const { types } = settings;
    const feed = client.events({ types, after: "now", wait: 25 });
    const next = feed[Symbol.asyncIterator]().next();
    let isRead = false;
    const read = next.finally(() => (isRead = true));
    while (!isRead) {
      await client.submitLead({ email: `ts-new-${crypto.randomUUID()}@example.com` });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const first = (await read).value.id;
    const { cursor } = feed;
    const again = (await client.events({ types, after: cursor })[Symbol.asyncIterator]().next()).value.id;
    print({ cursor, first, again });
  },

  async limit() {
    const waits = [];
    const sleep = async (seconds) => {
      waits.push(seconds);
      await client.apiKeys.update(settings.limited_id, { rate_limit: 1000 });
      await new Promise((resolve) => setTimeout(resolve, 250)); // the service may know the old limit for a while
    };
    const policy = { retries: 40, longestWait: 3600 };
    const limited = new LeadHub(settings.url, settings.limited, { policy, sleep });
    const names = [];
    for (let call = 0; call < 4; call++) names.push((await limited.me()).name);
    print({ waits, names });
  },

  async restart() {
    const patient = new LeadHub(settings.url, settings.key, { policy: { retries: 40 } });
    for (let number = 0; number < 40; number++) {
      print(await patient.submitLead({ email: `ts-restart-${number}@example.com`, source: "ts-restart" }));
    }
  },

  async away() {
    const nowhere = new LeadHub(settings.away, "lh_key", { policy: { retries: 0 } });
    print(await nowhere.health().catch((error) => error instanceof ConnectionFailed));
  },

  async strange() {
    const found = {};
    for (const [name, url] of Object.entries(settings.strange)) {
      const other = new LeadHub(url, "lh_key", { tenant: "main", policy: { retries: 0 } });
      const walk = async () => {
        for await (const lead of other.leads.list()) if (!lead) break;
      };
      const calls = [() => other.submitLead({ email: "a@example.com" }), () => other.health(), walk];
      found[name] = [];
      for (const call of calls) found[name].push(await call().then(() => "taken", (error) => error.name));
      found[name].push(await other.leads.delete(1).then(() => "taken", (error) => error.name));
      found[name].push(await other.leads.export().then(() => "taken", (error) => error.name));
    }
    print(found);
  },

  async verify() {
    const results = [];
    for (const { headers, body, secret } of settings.messages) {
      const check = (kind) => verifyWebhook(kind, body, secret, { now: settings.now });
      const [plain, fetched] = [headers, new Headers(headers)].map((kind) =>
        check(kind).then(
          (event) => event.event,
          (error) => (error instanceof InvalidWebhook ? `refused: ${error.message}` : `failed: ${error}`),
        ),
      );
      results.push([await plain, await fetched]);
    }
    print(results);
  },
};

await scenarios[process.argv[2]]();
