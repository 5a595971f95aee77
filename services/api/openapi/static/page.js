// Shows the OpenAPI document. What comes from it is only ever set as text.
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const $ = (id) => document.getElementById(id);

function h(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== ''));
  return element;
}

async function load(url) {
  try {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return await answer.json();
  } catch (error) {
    $('top').append(h('p', { role: 'alert' }, 'This page shows ', h('a', { href: url }, 'the OpenAPI document'),
      `, which could not be read: ${error.message}. Load the page again when the service is back.`));
    throw error;
  }
}

const api = await load('v1/openapi.json');

function resolved(part) {
  while (part?.$ref) {
    const { $ref, ...beside } = part;
    const found = $ref.slice(2).split('/').reduce((at, name) => at[name], api);
    part = { ...found, ...beside, named: $ref.split('/').pop() };
  }
  return part;
}

// Text with `code` and [links](…) in it.
function inline(text) {
  return text.split(/(`[^`]+`)/).map((part) => (part.startsWith('`') && part.length > 2 ? h('code', {}, part.slice(1, -1)) : part));
}

function prose(text) {
  return text.split(/\n{2,}(?=(?:[^`]|`(?!``)|```[\s\S]*?```)*$)/).map((block) => {
    if (block.startsWith('## ')) return h('h2', {}, block.slice(3));
    if (block.startsWith('```')) return h('pre', {}, block.replace(/^```\w*\n|\n?```\s*$/g, ''));
    return h('p', {}, inline(block.replace(/\n/g, ' ')));
  });
}

// ---- types

// What is bounded by 64 bits alone is not bounded to speak of.
function span(least, most, unit = '') {
  const [low, high] = [least, most].map((bound) => (Math.abs(bound) < 2 ** 53 ? bound.toLocaleString('en') : undefined));
  if (low === undefined && high === undefined) return '';
  const units = unit && ` ${unit}${(high ?? low) === '1' ? '' : 's'}`;
  if (high === undefined) return `at least ${low}${units}`;
  return least ? `${low ?? ''}–${high}${units}` : `at most ${high}${units}`;
}

function bounds(schema) {
  const { minimum: low, exclusiveMaximum: under } = schema;
  return [
    span(schema.minLength, schema.maxLength, 'character'),
    span(low, schema.maximum ?? (under === undefined ? undefined : under - 1)),
    span(schema.minItems, schema.maxItems, 'item'),
    span(schema.minProperties, schema.maxProperties, 'key'),
    schema.pattern && schema.pattern !== '\\S' ? `matches ${schema.pattern}` : '',
    schema.default !== undefined && schema.default !== null ? `default ${JSON.stringify(schema.default)}` : '',
  ].filter(Boolean);
}

function typeOf(given) {
  const schema = resolved(given) ?? {};
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(typeOf))].join(' or ');
  const types = [schema.type ?? (schema.properties ? 'object' : 'any')].flat();
  const words = types.map((type) => (type === 'array' && schema.items ? `array of ${typeOf(schema.items)}` : type));
  const format = { 'date-time': 'date and time', date: 'date', uuid: 'UUID', uri: 'URL', email: 'email' }[schema.format];
  return [words.join(' or ') + (format ? ` (${format})` : ''), ...bounds(schema)].join(', ');
}

// Schemas within a schema that have fields of their own to show.
function within(given) {
  const schema = resolved(given) ?? {};
  if (schema.properties) return [schema];
  const parts = [schema.items, ...(schema.anyOf ?? schema.oneOf ?? schema.allOf ?? [])];
  if (typeof schema.additionalProperties === 'object') parts.push(schema.additionalProperties);
  return parts.filter(Boolean).flatMap(within);
}

// Built when opened: a condition may hold conditions, for ever.
function deeper(schema, answer, open) {
  const inner = within(schema);
  if (!inner.length) return null;
  const box = h('details', { className: 'deeper', open }, h('summary', {}, 'its fields'));
  const fill = () => box.childElementCount > 1 || box.append(...inner.map((part) => fields(part, answer)));
  box.addEventListener('toggle', fill);
  if (open) fill();
  return box;
}

function field(name, given, must, { place = '', words = '', answer = false } = {}) {
  const schema = resolved(given);
  const about = words || (schema.named ? '' : schema.description) || '';
  return h('li', {},
    h('span', { className: 'name' }, name),
    place ? h('span', { className: 'place' }, place) : null,
    h('span', { className: 'type' }, typeOf(given)),
    must && !answer ? h('span', { className: 'must' }, 'required') : null,
    about ? h('p', { className: 'about' }, inline(about)) : null,
    deeper(given, answer, answer && name === 'data'));
}

function fields(given, answer = false) {
  const schema = resolved(given);
  if (!schema.properties) {
    const inner = within(schema);
    return h('div', {}, h('p', { className: 'type' }, typeOf(schema)), inner.map((part) => fields(part, answer)));
  }
  const required = schema.required ?? [];
  return h('ul', { className: 'fields' },
    Object.entries(schema.properties).map(([name, part]) => field(name, part, required.includes(name), { answer })));
}

// ---- examples

const SAMPLES = {
  email: 'sarah@example.com', first_name: 'Sarah', last_name: 'Johnson', phone: '+14155551234', company: 'Tech Corp',
  source: 'website', job_title: 'Head of Sales', country: 'US', tag: 'vip-client', tags: ['vip-client'], color: '#2f5bea',
  custom_fields: { budget: '10000' }, notes: 'Interested in the enterprise plan.', tenant: 'main', title: 'Call back',
  url: 'https://example.com/hook', status: 'new', scopes: ['read:leads'], name: 'Example', position: 1,
  is_duplicate: false, condition: { field: 'country', operator: 'equals', value: 'US' },
};

function sample(given, name = '', depth = 0) {
  const schema = resolved(given) ?? {};
  if (schema.example !== undefined) return schema.example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum.includes(SAMPLES[name]) ? SAMPLES[name] : schema.enum[0];
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return sample(options.find((option) => option.type !== 'null') ?? {}, name, depth);
  const type = [schema.type ?? (schema.properties ? 'object' : 'string')].flat()[0];
  if (name in SAMPLES && typeof SAMPLES[name] === (type === 'array' ? 'object' : type)) return SAMPLES[name];
  if (type === 'object') {
    if (depth > 6 || !schema.properties) return {};
    return Object.fromEntries((schema.required ?? []).map((key) => [key, sample(schema.properties[key], key, depth + 1)]));
  }
  if (type === 'array') return depth > 6 ? [] : [sample(schema.items ?? {}, '', depth + 1)];
  if (type === 'integer') return Math.max(schema.minimum > -1e9 ? schema.minimum : 0, 1);
  if (type === 'number') return schema.minimum ?? 1;
  if (type === 'boolean') return true;
  const formats = { 'date-time': '2026-03-28T09:15:00+00:00', date: '2026-03-28', uri: 'https://example.com', 'uri-reference': '/', uuid: '019d2f3e-8f40-7000-8000-000000000000' };
  return schema.type === 'null' ? null : (formats[schema.format] ?? (name ? name.replace(/_/g, ' ') : 'text'));
}

const quoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;

function body(operation) {
  const content = operation.requestBody?.content;
  if (!content) return [];
  return [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(content['application/json'].example, null, 2))}`];
}

function curl(method, path, operation, parameters) {
  const filled = path.replace(/{(\w+)}/g, (_, name) =>
    encodeURIComponent(sample(parameters.find((one) => one.in === 'path' && one.name === name)?.schema, name)));
  const query = parameters.filter((one) => one.in === 'query' && one.required)
    .map((one) => `${one.name}=${encodeURIComponent(sample(one.schema, one.name))}`).join('&');
  const base = api.servers[0].url === '/' ? location.origin : api.servers[0].url;
  return [
    `curl${method === 'get' ? '' : ` -X ${method.toUpperCase()}`} ${quoted(base + filled + (query ? `?${query}` : ''))}`,
    operation.security?.length === 0 ? '' : '-H "Authorization: Bearer $LEADHUB_KEY"',
    ...body(operation),
  ].filter(Boolean).join(' \\\n  ');
}

function figure(caption, text) {
  const copy = h('button', { type: 'button' }, 'Copy');
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = 'Copied';
    setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
  });
  return h('figure', {}, h('figcaption', {}, caption, navigator.clipboard ? copy : null), h('pre', { tabIndex: 0 }, text));
}

// ---- endpoints

function answers(operation) {
  const all = Object.entries(operation.responses).map(([status, part]) => [status, resolved(part)]);
  const fine = all.filter(([status]) => status < '400').map(([status, answer]) => {
    const line = [h('span', { className: 'status fine' }, status), answer.description];
    const [media, content] = Object.entries(answer.content ?? {})[0] ?? [];
    if (!content) return h('p', {}, line);
    return h('details', { open: status < '300' }, h('summary', {}, line, ' ', h('code', {}, media)), within(content.schema).map((part) => fields(part, true)));
  });
  const faults = all.filter(([status]) => status >= '400')
    .map(([status, answer]) => h('li', { title: answer.description }, `${status} ${answer.named ?? ''}`));
  return [h('h3', {}, 'Answers'), h('div', { className: 'answers' }, fine), h('ul', { className: 'codes' }, faults)];
}

function details(method, path, operation) {
  const parameters = (operation.parameters ?? []).map(resolved);
  const left = [operation.description ? prose(operation.description) : null];
  if (parameters.length) {
    left.push(h('h3', {}, 'Parameters'), h('ul', { className: 'fields' },
      parameters.map((one) => field(one.name, one.schema, one.required, { place: one.in, words: one.description ?? '' }))));
  }
  for (const [media, content] of Object.entries(operation.requestBody?.content ?? {}).slice(0, 1)) {
    const others = Object.keys(operation.requestBody.content).slice(1);
    left.push(h('h3', {}, 'Body'), h('p', {}, [media, ...others].map((type) => [h('code', {}, type), ' '])), fields(content.schema));
  }
  left.push(answers(operation));
  const right = [figure('curl', curl(method, path, operation, parameters))];
  const status = operation['x-status'] ?? Object.keys(operation.responses)[0];
  const shown = resolved(operation.responses[status]).content?.['application/json'];
  if (shown) right.push(figure(status, JSON.stringify(sample(shown.schema), null, 2)));
  return h('div', { className: 'inside' }, h('div', {}, left), h('div', { className: 'example' }, right));
}

function scopeOf(operation) {
  if (operation.security?.length === 0) return 'no key needed';
  return operation.security.map((need) => Object.values(need)[0][0] ?? 'any key').join(' or ');
}

function endpoint(method, path, operation) {
  const parts = path.split(/({\w+})/).map((part) => (part.startsWith('{') ? h('i', {}, part) : part));
  const box = h('details', { className: 'endpoint', id: operation.operationId },
    h('summary', {},
      h('span', { className: `method ${method}` }, method.toUpperCase()),
      h('span', { className: 'path' }, parts),
      h('span', { className: 'words' }, inline(operation.summary)),
      h('span', { className: 'scope' }, scopeOf(operation))));
  box.addEventListener('toggle', () => {
    if (box.childElementCount === 1) box.append(details(method, path, operation));
  });
  return box;
}

// What a search looks through: every name in the operation and the schemas it leads to.
function words(operation) {
  const found = [];
  const seen = new Set();
  (function walk(part) {
    if (part === null || typeof part !== 'object' || seen.has(part)) return;
    seen.add(part);
    if (typeof part.$ref === 'string' && part.$ref.startsWith('#/components/schemas/')) walk(resolved(part));
    if (part.properties) found.push(...Object.keys(part.properties));
    Object.values(part).forEach(walk);
  })({ ...operation, responses: Object.entries(operation.responses).filter(([status]) => status < '400').map(([, part]) => part) });
  const names = (operation.parameters ?? []).map((one) => resolved(one).name);
  return [...new Set([...found, ...names])].join(' ');
}

const listed = [];
for (const { name: noun } of api.tags) {
  const section = h('section', { className: 'noun', id: `noun-${noun}` }, h('h2', {}, noun.replace(/-/g, ' ')));
  const group = h('details', {}, h('summary', {}, noun.replace(/-/g, ' ')));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name]?.tags.includes(noun))) {
      const operation = item[method];
      const box = endpoint(method, path, operation);
      const link = h('a', { href: `#${operation.operationId}`, title: `${method.toUpperCase()} ${path}` },
        h('span', { className: `method ${method}` }, method.toUpperCase()), h('span', {}, inline(operation.summary)));
      const text = [method, path, operation.summary, operation.description, scopeOf(operation), words(operation)].join(' ').toLowerCase();
      listed.push({ box, link, section, group, text });
      section.append(box);
      group.append(link);
    }
  }
  $('nouns').append(section);
  $('nav').append(group);
}
$('top').append(
  h('div', { className: 'title' }, h('strong', {}, `${api.info.title} API`), h('span', {}, `version ${api.info.version}`),
    h('a', { href: 'v1/openapi.json' }, `OpenAPI ${api.openapi}`)),
  ...prose(api.info.description));

// ---- search, theme, address

let unfolded; // the groups that were open before the search

function search() {
  const wanted = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set();
  for (const { box, link, section, group, text } of listed) {
    const fits = wanted.every((word) => text.includes(word));
    box.hidden = link.hidden = !fits;
    if (fits) shown.add(section).add(group);
  }
  if (wanted.length) unfolded ??= listed.filter(({ group }) => group.open).map(({ group }) => group);
  for (const { section, group } of listed) {
    section.hidden = !shown.has(section);
    group.hidden = !shown.has(group);
    if (unfolded) group.open = wanted.length > 0 || unfolded.includes(group);
  }
  if (!wanted.length) unfolded = undefined;
  $('top').hidden = wanted.length > 0;
  $('none').hidden = shown.size > 0;
}

function open() {
  const target = $(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === 'DETAILS') target.open = true;
  target.scrollIntoView();
}

function theme(name) {
  document.documentElement.dataset.theme = name;
}

$('search').addEventListener('input', search);
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== $('search')) {
    event.preventDefault();
    $('search').focus();
  }
});
$('theme').addEventListener('click', () => {
  theme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
  localStorage.setItem('theme', document.documentElement.dataset.theme);
});
theme(localStorage.getItem('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
addEventListener('hashchange', open);
// A link to where the address is already changes no hash; its box may have been closed since.
document.addEventListener('click', (event) => {
  if (event.target.closest('a')?.hash === location.hash) open();
});
document.querySelector('#nav details')?.setAttribute('open', '');
open();
