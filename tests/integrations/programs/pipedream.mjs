// The scenarios of the tests of the components for Pipedream. This program stands for Pipedream: it gives a component
// what it names in `props`. Settings come as JSON in the environment; what it prints is JSON.

import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const settings = JSON.parse(process.env.SETTINGS);
const account = { address: settings.url, key: settings.key };
const print = (value) => console.log(JSON.stringify(value));

const problemOf = (reason) => [reason.name, reason.message];

/** What an action says when it is given a server that answers so, and how many requests that server had. */
async function meet(status, headers, body) {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.writeHead(status, headers).end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}`;
  const problem = await act("find-lead", { address, by: "email", contact: "a@example.com" }).catch(problemOf);
  server.close();
  return { problem, requests };
}

const load = async (name) => (await import(pathToFileURL(`${settings.folder}/${name}.mjs`))).default;

async function act(name, props) {
  const component = await load(name);
  const exported = {};
  const $ = { export: (key, value) => (exported[key] = value) };
  const result = await component.run.call({ ...account, ...props }, { $ });
  return { result, summary: exported.$summary };
}

const scenarios = {
  async actions() {
    const lead = {
      email: "Pipe@Example.com",
      first_name: "Pip",
      last_name: "",
      tags: ["piped"],
      event_id: "order 1 №",
    };
    const created = await act("create-lead", lead);
    const repeated = await act("create-lead", lead);
    print({
      created: created.result,
      summary: created.summary,
      repeated: repeated.result.submission_id === created.result.submission_id,
      found: await act("find-lead", { by: "email", contact: "pipe@example.com" }),
      nobody: await act("find-lead", { by: "email", contact: "nobody@example.com" }),
      wrong: await act("create-lead", { email: "no address" }).catch(problemOf),
    });
  },

  async strangers() {
    print({
      redirect: await meet(302, { Location: "/other" }, ""),
      page: await meet(200, { "Content-Type": "text/html" }, "<p>Welcome</p>"),
      busy: await meet(429, { "Retry-After": "7" }, JSON.stringify({ message: "Too many requests." })),
      key: await act("find-lead", { key: "lh_unknown", by: "email", contact: "a@example.com" }).catch(problemOf),
    });
  },

  async source() {
    const component = await load("new-event");
    const stored = new Map();
    const arrivals = [];
    let arrived;
    const nextArrival = () => new Promise((resolve) => (arrived = resolve));
    const server = createServer(async (request, response) => {
      const bodyRaw = Buffer.concat(await request.toArray()).toString();
      response.end();
      arrivals.push({ headers: request.headers, bodyRaw });
      arrived();
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const emitted = [];
    const statuses = [];
    const source = {
      ...account,
      events: component.props.events.default,
      db: { get: (key) => stored.get(key), set: (key, value) => stored.set(key, value) },
      http: {
        endpoint: `http://127.0.0.1:${server.address().port}/`,
        respond: ({ status }) => statuses.push(status),
      },
      $emit: (event, meta) => emitted.push({ event, meta }),
    };
    const waiting = nextArrival();
    await component.hooks.activate.call(source);
    await act("create-lead", { email: "pipe-source@example.com" });
    await waiting;
    const [{ headers, bodyRaw }] = arrivals;
    await component.run.call(source, { headers, bodyRaw });
    await component.run.call(source, { headers, bodyRaw: `${bodyRaw} ` });
    await component.run.call(source, { headers: {}, bodyRaw });
    await component.run.call({ ...source, db: new Map() }, { headers, bodyRaw });
    await component.hooks.deactivate.call(source);
    await component.hooks.deactivate.call(source);
    server.close();
    print({ emitted, statuses });
  },
};

await scenarios[process.argv[2]]();
