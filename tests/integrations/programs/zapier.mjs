// The scenarios of the tests of LeadHub's app for Zapier. This program stands for Zapier: it has the address to which
// hooks are sent. Settings come as JSON in the environment; what it prints is JSON.

import { createServer } from "node:http";
import zapier from "zapier-platform-core";
import App from "./index.js";

const settings = JSON.parse(process.env.SETTINGS);
const appTester = zapier.createAppTester(App);
const authData = { address: settings.url, key: settings.key };
const print = (value) => console.log(JSON.stringify(value));

/** A message as Zapier hands it to a trigger. */
const handed = ({ headers, content }) => ({
  cleanedRequest: JSON.parse(content),
  rawRequest: { method: "POST", headers, content },
});
const run = (perform, inputData = {}, more = {}) =>
  appTester(perform, { authData, inputData, meta: { page: 0 }, ...more });
const act = (key, inputData, more) => run(App.creates[key].operation.perform, inputData, more);
const find = (inputData) => run(App.searches.find_lead.operation.perform, inputData);

async function failureOf(promise) {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  if (!error) return null;
  const told = error.name === "AppError" || error.name === "ThrottledError" ? JSON.parse(error.message) : error;
  return { name: error.name, message: told.message, code: told.code, delay: told.delay };
}

/** Sends a request as any other client of the API. */
async function call(method, path, body) {
  const headers = { Authorization: `Bearer ${settings.key}`, "Content-Type": "application/json" };
  const response = await fetch(settings.url + path, { method, headers, body: body && JSON.stringify(body) });
  return response.status === 204 ? null : await response.json();
}

const postLead = (lead) => call("POST", `/api/inbound/leads?tenant=${settings.slug}`, lead);

/** Zapier's spelling of a header's name: `webhook-id` is `Http-Webhook-Id`. */
const zapiersName = (name) => `Http-${name.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase())}`;

/** Opens an address that keeps the messages sent to it; `next` waits for one that has not been taken. */
async function openHook() {
  const messages = [];
  const waiters = [];
  const server = createServer(async (request, response) => {
    const content = Buffer.concat(await request.toArray()).toString();
    const entries = Object.entries(request.headers).map(([name, value]) => [zapiersName(name), value]);
    response.end();
    messages.push({ headers: Object.fromEntries(entries), content });
    waiters.shift()?.();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    messages,
    async next() {
      if (!messages.length) await new Promise((resolve) => waiters.push(resolve));
      return messages.shift();
    },
    close: () => server.close(),
  };
}

/** Returns the paths of all members, so that shapes can be compared; members of custom fields are left out. */
function shapeOf(value, path = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [path];
  return Object.keys(value)
    .sort()
    .flatMap((key) => (key === "custom_fields" ? [key] : shapeOf(value[key], `${path}/${key}`)));
}

const triggerOf = (key) => App.triggers[key].operation;

/** Subscribes, lets something happen, and returns what the trigger makes of the message that came. */
async function heard(key, inputData, happen) {
  const operation = triggerOf(key);
  const hook = await openHook();
  const subscribeData = await run(operation.performSubscribe, inputData, { targetUrl: hook.url });
  await happen();
  const message = await hook.next();
  const [event] = await run(operation.perform, inputData, { ...handed(message), subscribeData });
  const samples = await run(operation.performList, inputData);
  await run(operation.performUnsubscribe, inputData, { subscribeData });
  hook.close();
  return { event, samples };
}

/** The same, as what a test compares. */
async function heardFacts(key, inputData, happen) {
  const { event, samples } = await heard(key, inputData, happen);
  return {
    event: event.event,
    email: event.lead.email,
    data: event.data,
    isSampled: samples.some((each) => shapeOf(each).join() === shapeOf(event).join()),
  };
}

const scenarios = {
  async validate() {
    const { results } = await zapier.createAppHandler(App)({ command: "validate" });
    print({ results, version: App.platformVersion });
  },

  async hook() {
    const operation = triggerOf("new_lead");
    const [hook, other] = [await openHook(), await openHook()];
    const subscribeData = await run(operation.performSubscribe, { sources: ["zap"] }, { targetUrl: hook.url });
    await postLead({ email: "zap-other@example.com", source: "elsewhere" });
    await postLead({ email: "zap-hook@example.com", source: "zap" });
    const message = await hook.next();
    const events = await run(operation.perform, {}, { ...handed(message), subscribeData });
    const forged = { headers: message.headers, content: message.content.replace("zap-hook", "zap-forged") };
    const forgery = await failureOf(run(operation.perform, {}, { ...handed(forged), subscribeData }));
    const unsigned = await failureOf(run(operation.perform, {}, { cleanedRequest: {}, subscribeData }));
    const samples = await run(operation.performList, {});
    await run(operation.performUnsubscribe, {}, { subscribeData });
    await run(operation.performUnsubscribe, {}, { subscribeData });
    const { data } = await call("POST", "/api/v1/webhooks", { url: other.url, events: ["lead.created"] });
    await postLead({ email: "zap-later@example.com", source: "zap" });
    const later = await other.next();
    await call("DELETE", `/api/v1/webhooks/${data.id}`);
    for (const each of [hook, other]) each.close();
    print({
      subscribed: Object.keys(subscribeData),
      emails: [...events.map((event) => event.lead.email), JSON.parse(later.content).lead.email],
      refused: [forgery?.name, unsigned?.name],
      shape: shapeOf(events[0]),
      samples: samples.map((sample) => shapeOf(sample)),
      unexpected: hook.messages.length,
    });
  },

  async actions() {
    const me = await run(App.authentication.test);
    const label = await run(App.authentication.connectionLabel, me);
    const values = {
      email: "Zap@Example.com",
      first_name: "Zoe",
      custom_field_seats: "3",
      custom_fields: { plan: "gold" },
      notes: "",
    };
    const created = await act("create_lead", { ...values, event_id: "Bestellung №1" });
    const replayed = await act("create_lead", { ...values, event_id: "Bestellung №1" });
    const merged = await act("create_lead", { email: "zap@example.com", last_name: "Zap", tags: ["zapped"] });
    const updated = await act("update_lead", {
      lead_id: created.id,
      phone: "+1 415 555 0171",
      job_title: " ",
      status: "qualified",
    });
    const emptied = await act("update_lead", { lead_id: created.id, emptied_fields: ["last_name"] });
    print({
      slug: me.workspace.slug,
      label,
      created,
      replayed: [replayed.submission_id === created.submission_id, replayed.is_duplicate],
      merged: [merged.id === created.id, merged.is_duplicate, merged.tags],
      updated: [updated.phone, updated.status, updated.job_title],
      emptied: [emptied.last_name, emptied.first_name],
      byEmail: (await find({ email: "ZAP@example.com", phone: "" })).map((lead) => lead.id),
      byPhone: (await find({ email: "nobody@example.com", phone: "+1 (415) 555-0171" })).map((lead) => lead.id),
      nobody: await find({ email: "nobody@example.com" }),
      wrongEmail: await failureOf(act("create_lead", { email: "no address" })),
      nothing: await failureOf(find({})),
      gone: await failureOf(act("add_tag", { lead_id: 999999999, tag: "x" })),
    });
  },

  async refusals() {
    const others = (changed) => ({ authData: { ...authData, ...changed } });
    const test = App.authentication.test;
    const limited = others({ key: settings.limited });
    await run(test, {}, limited);
    print({
      stranger: await failureOf(run(test, {}, others({ key: "lh_wrong" }))),
      limited: await failureOf(run(test, {}, limited)),
      plain: await failureOf(run(test, {}, others({ address: "http://crm.example.com" }))),
      unreadable: await failureOf(run(test, {}, others({ address: "not an address" }))),
      path: (await run(test, {}, others({ address: `${settings.url}/console/main ` }))).workspace.slug,
    });
  },

  async mistakes() {
    const others = (changed) => ({ authData: { ...authData, ...changed } });
    const test = App.authentication.test;
    const server = createServer((_request, response) => response.writeHead(302, { location: settings.url }).end());
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const redirecting = `http://127.0.0.1:${server.address().port}`;
    const operation = triggerOf("new_lead");
    const subscribeData = await run(operation.performSubscribe, {}, { targetUrl: redirecting });
    const strange = { subscribeData, ...others({ key: "lh_wrong" }) };
    const narrowed = { targetUrl: redirecting };
    const found = {
      redirect: await failureOf(run(test, {}, others({ address: redirecting }))),
      unreachable: await failureOf(run(test, {}, others({ address: "http://127.0.0.1:9" }))),
      scheme: await failureOf(run(test, {}, others({ address: settings.url.replace("http://", "") }))),
      unsubscribed: await failureOf(run(operation.performUnsubscribe, {}, strange)),
      label: await run(App.authentication.connectionLabel, await run(test, {}, others({ key: settings.narrow }))),
      numbers: [
        await failureOf(act("create_task", { title: "Call", lead_id: "Grace" })),
        await failureOf(act("create_task", { title: "Call", user_id: "1.5" })),
        await failureOf(act("move_stage", { lead_id: 1, stage_id: "Won" })),
        await failureOf(act("add_note", { lead_id: "Grace", text: "Hello" })),
        await failureOf(act("add_tag", { lead_id: "Grace", tag: "x" })),
        await failureOf(act("create_lead", { email: "zap-none@example.com", assigned_user_id: "Ada" })),
        await failureOf(run(triggerOf("stage_changed").performSubscribe, { stage_id: "Won" }, narrowed)),
      ].map((failure) => failure?.message),
    };
    await run(operation.performUnsubscribe, {}, { subscribeData });
    server.close();
    print(found);
  },

  async triggers() {
    const lead = { email: "zap-lead@example.com", first_name: "Zap", source: "zaps" };
    const { lead_id: id } = await postLead(lead);
    const { data: pipelines } = await call("GET", "/api/v1/pipelines");
    const stage = pipelines[0].stages.at(-1);
    const { data: form } = await call("POST", "/api/v1/forms", {
      name: "Zaps",
      fields: [
        { key: "mail", label: "Your e-mail", type: "email", maps_to: "email" },
        { key: "seats", label: "How many seats?", type: "number", maps_to: "custom_fields.seats" },
        { key: "who", label: "Your name", type: "text", maps_to: "full_name" },
        { key: "joke", label: "A joke", type: "text" },
      ],
    });
    const sent = { mail: lead.email, seats: 4, who: "Zap Zap" };
    print({
      id,
      stage: stage.id,
      form: form.id,
      updated: await heardFacts("updated_lead", {}, () => act("update_lead", { lead_id: id, company: "Zapco" })),
      tagged: await heardFacts("tag_added", { tag: "zapped-twice" }, () =>
        act("add_tag", { lead_id: id, tag: "Zapped-Twice" }),
      ),
      moved: await heardFacts("stage_changed", { stage_id: String(stage.id) }, () =>
        act("move_stage", { lead_id: id, stage_id: String(stage.id) }),
      ),
      submitted: await heardFacts("form_submitted", { form_id: form.id }, () =>
        call("POST", `/api/v1/forms/${form.id}/submissions`, sent),
      ),
      silent: (await run(triggerOf("source_silent").performList)).map((sample) => [sample.event, sample.lead]),
      answers: (await run(triggerOf("form_submitted").outputFields.at(-1), { form_id: form.id })).map((field) => [
        field.key,
        field.label,
      ]),
    });
  },

  async dropdowns() {
    const { lead_id: id } = await postLead({
      email: "zap-task@example.com",
      custom_fields: { "zap field": "x" },
      tags: ["zap-tag"],
    });
    const listed = {};
    for (const key of ["pipelines", "stages", "tags", "users", "forms"])
      listed[key] = await run(triggerOf(key).perform);
    const { inputFields } = App.creates.create_lead.operation;
    const fields = await run(inputFields.find((field) => typeof field === "function"));
    const note = await act("add_note", { lead_id: id, text: "Wants an offer" });
    const task = await act("create_task", {
      title: "Call",
      lead_id: String(id),
      user_id: "",
      due_at: "2027-01-02T09:00:00+02:00",
    });
    print({
      lists: Object.fromEntries(
        Object.entries(listed).map(([key, records]) => [key, records.map((record) => record.label ?? record.name)]),
      ),
      custom: fields.map((field) => field.key),
      beyond: await run(triggerOf("tags").perform, {}, { meta: { page: 1 } }),
      note: [note.lead_id === id, note.type],
      task: [task.lead_id === id, task.due_at],
    });
  },
};

await scenarios[process.argv[2]]();
