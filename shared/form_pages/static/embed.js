// LeadHub's forms on any website. One script without dependencies, served as it stands; at most 12 KB gzipped.
//
//   <div data-leadhub-form="ID"><a href="…/f/ID">…</a><script async src="…/f/ID/embed.js"></script></div>
//
// Attributes, on the script or on the <div>:
//   data-mode      inline (default; a shadow root), iframe, popup, or enhance (a <form action="…/f/ID"> of the page)
//   data-trigger   popup: selector of what opens it; default [data-leadhub-open="ID"]
//   data-consent   granted, denied, or auto (default: dataLayer, TCF, and `leadhub:consent` events tell)
//   data-datalayer pushes {event: "generate_lead", form_id, submission_id} to dataLayer on success
//   data-height    iframe: its height until the form is there
//
// Events, which bubble and are composed, without personal data: leadhub:ready, start, step, error, submit, success.
// A host that calls preventDefault on `submit` stops the post, on `success` shows its own thanks.
//
// Texts come in the form's language from `data-messages`, which `shared/form_pages/page_rendering.py` writes.
//
// Strict policies of hosts hold: no eval, no style attributes, no workers; script-src and connect-src suffice.
(() => {
  "use strict";

  const script = document.currentScript;
  const address = script && script.src ? new URL(script.src) : null;
  const parts = address && /^(.*\/f\/)([^/]+)\/embed\.js$/.exec(address.origin + address.pathname);
  if (!parts) return;
  const [, base, formId] = parts;
  const { origin } = address;

  // All copies of this script on a page share what they know, so that none does again what another has done.
  const registry = Symbol.for("leadhub");
  const isFirstCopy = !window[registry];
  const shared = window[registry] || {
    // Elements that have a form, or are one.
    claimed: new WeakSet(),
    // What happens once per page, by name.
    names: new Set(),
    // Promises of {html, css} by form.
    fragments: new Map(),
    // Promises of the outcome of a post, by key.
    jobs: new Map(),
    // What earlier page views left unanswered: {record, job, isTaken, isTold} by form.
    resumed: new Map(),
    // What `leadhub:consent` events said.
    consent: {},
    // The last data of a consent platform.
    tcf: null,
    // In a frame: what the page around it told.
    page: null,
    // Where this page view is counted.
    source: "",
    // The host's policy forbids our requests.
    isBlocked: false,
  };
  window[registry] = shared;

  const SEND_AGAIN_SECONDS = [1, 3, 10];
  // For a Retry-After; beyond, the visitor decides.
  const MAX_WAIT_SECONDS = 60;
  // Browsers refuse 64 KiB.
  const MAX_KEEPALIVE_BYTES = 60_000;
  const MAX_PROOF_TRIES = 100_000;
  const MEGABYTE = 1_048_576;
  const MAX_FRAME_PIXELS = 20_000;
  // A form of the host, before its texts have come.
  const FAILED_TEXT = "Not sent yet. Your answers are kept.";
  const MAX_SOURCE_LENGTH = 100;
  const TOUCH_DAYS = 90;
  const TOUCH_NAME = "leadhub:touches";
  const PENDING_PREFIX = `leadhub:pending:${base}`;
  const CLICK_IDS = "gclid gbraid wbraid dclid fbclid msclkid ttclid twclid li_fat_id ScCid epik rdt_cid".split(" ");
  const UTM_NAME = /^utm_(source|medium|campaign|term|content)$/i;
  const CONSENT_NAMES = ["ad_storage", "ad_user_data", "ad_personalization"];

  // Small helpers -----------------------------------------------------------------------------------------------------

  const $$ = (query, root = document) => [...root.querySelectorAll(query)];
  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const option = (name, box) => (box && box.dataset[name]) || script.dataset[name];
  const isNew = (set, thing) => !set.has(thing) && Boolean(set.add(thing));

  // `hidden` alone loses against a host's `display`, and a style attribute against its policy. This is neither.
  function toggle(element, isShown) {
    element.hidden = !isShown;
    element.style.display = isShown ? "" : "none";
  }

  function make(name, members = {}, ...children) {
    const element = Object.assign(document.createElement(name), members);
    element.append(...children);
    return element;
  }

  // What an act comes to, or null: storage may be full or forbidden, and texts of others may be no JSON.
  function attempt(act) {
    try {
      return act();
    } catch {
      return null;
    }
  }

  const parseJson = (text) => attempt(() => JSON.parse(text));

  const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  // `crypto.randomUUID` is missing on pages without TLS.
  const randomKey = () => hex(crypto.getRandomValues(new Uint8Array(16)));

  function emit(target, name, detail) {
    const options = { bubbles: true, composed: true, cancelable: true, detail };
    return target.dispatchEvent(new CustomEvent(`leadhub:${name}`, options));
  }

  function webAddress(text, start) {
    const url = attempt(() => new URL(text, start));
    return url && /^https?:$/.test(url.protocol) ? url.href : "";
  }

  // Conditions: as `shared/automations/conditions.py` judges them -----------------------------------------------------

  const isEmpty = (value) =>
    value == null || (typeof value === "string" ? !value.trim() : Array.isArray(value) && !value.length);
  const asNumber = (value) =>
    typeof value !== "boolean" && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?\s*$/i.test(value) ? Number(value) : null;
  // So that ß is ss.
  const folded = (value) => String(value).trim().toUpperCase().toLowerCase();
  const members = (value) => (Array.isArray(value) ? value : [value]).filter((one) => !isEmpty(one));

  function compare(left, right) {
    let [a, b] = [asNumber(left), asNumber(right)];
    if (a === null || b === null) [a, b] = [folded(left), folded(right)];
    return (a > b) - (a < b);
  }
  const areComparable = (left, right) => (asNumber(left) === null) === (asNumber(right) === null);
  const someEquals = (value, wanted) => members(value).some((one) => compare(one, wanted) === 0);
  const contains = (value, wanted) =>
    Array.isArray(value) ? someEquals(value, wanted) : !isEmpty(value) && folded(value).includes(folded(wanted));

  const OPERATORS = {
    equals: someEquals,
    not_equals: (value, wanted) => !someEquals(value, wanted),
    contains,
    not_contains: (value, wanted) => !contains(value, wanted),
    is_empty: isEmpty,
    is_not_empty: (value) => !isEmpty(value),
    greater_than: (value, wanted) => members(value).some((m) => areComparable(m, wanted) && compare(m, wanted) > 0),
    less_than: (value, wanted) => members(value).some((m) => areComparable(m, wanted) && compare(m, wanted) < 0),
    in: (value, wanted) => wanted.some((one) => someEquals(value, one)),
  };

  function conditionMatches(condition, valueOf) {
    const inner = (one) => conditionMatches(one, valueOf);
    if (condition.all) return condition.all.every(inner);
    if (condition.any) return condition.any.some(inner);
    if (condition.not) return !inner(condition.not);
    return OPERATORS[condition.operator](valueOf(condition.field), condition.value);
  }

  // Consent, and where the visitor came from --------------------------------------------------------------------------

  // {ad_storage, ad_user_data, ad_personalization}, each true or false; what is not known is absent.
  function currentConsent() {
    if (shared.page) return shared.page.consent || {};
    const fixed = option("consent", script.closest("[data-leadhub-form]"));
    if (fixed === "granted" || fixed === "denied") {
      return Object.fromEntries(CONSENT_NAMES.map((name) => [name, fixed === "granted"]));
    }
    return { ...signalledConsent(), ...shared.consent };
  }

  // The commands are read where they are needed: `dataLayer` is the host's, we do not wrap its `push`.
  function signalledConsent() {
    const found = {};
    for (const entry of Array.isArray(window.dataLayer) ? window.dataLayer : []) {
      if (!entry || entry[0] !== "consent" || !entry[2]) continue;
      for (const name of CONSENT_NAMES.filter((one) => entry[2][one])) {
        const isGranted = entry[2][name] === "granted";
        // Defaults may hold for some regions only: one denial suffices.
        found[name] = entry[1] === "update" ? isGranted : found[name] !== false && isGranted;
      }
    }
    for (const [name, isGranted] of Object.entries(tcfConsent())) found[name] = found[name] !== false && isGranted;
    return found;
  }

  // The purposes are those by which Google maps TCF to its consent mode.
  function tcfConsent() {
    const data = shared.tcf;
    if (!data) return {};
    if (data.gdprApplies === false) return Object.fromEntries(CONSENT_NAMES.map((name) => [name, true]));
    if (!["tcloaded", "useractioncomplete"].includes(data.eventStatus)) return {};
    const has = (...purposes) => purposes.every((one) => Boolean(data.purpose && data.purpose.consents[one]));
    return { ad_storage: has(1), ad_user_data: has(1, 7), ad_personalization: has(3, 4) };
  }

  function watchConsent() {
    addEventListener("leadhub:consent", ({ detail }) => {
      const said = Object(detail) === detail ? detail : { granted: detail };
      for (const name of CONSENT_NAMES) {
        const value = said[name] === undefined ? said.granted : said[name];
        if (value !== undefined) shared.consent[name] = value === true || value === "granted";
      }
      currentTouches();
    });
    if (typeof window.__tcfapi === "function") {
      window.__tcfapi("addEventListener", 2, (data, isSuccess) => {
        if (isSuccess) shared.tcf = data;
        currentTouches();
      });
    }
    // Consent may have come by `dataLayer` meanwhile.
    addEventListener("pagehide", currentTouches);
  }

  function readTouch() {
    const touch = { at: new Date().toISOString(), landing_page: location.href.split("#")[0].slice(0, 2048) };
    const clicks = {};
    for (const [name, value] of new URLSearchParams(location.search)) {
      const click = CLICK_IDS.find((one) => one.toLowerCase() === name.toLowerCase());
      if (click) clicks[click] = value;
      else if (UTM_NAME.test(name)) touch[name.toLowerCase()] = value;
    }
    if (Object.keys(clicks).length) touch.click_ids = clicks;
    const isForeign = document.referrer && new URL(document.referrer).origin !== location.origin;
    if (isForeign) touch.referrer = document.referrer.slice(0, 2048);
    touch.isArrival = Object.keys(touch).length > 2;
    return touch;
  }

  // First and last touch. They are kept for 90 days only with consent, otherwise known for this page view alone.
  function currentTouches() {
    shared.touch = shared.touch || readTouch();
    const { isArrival, ...now } = shared.touch;
    const { ad_storage: isAllowed } = currentConsent();
    if (!isAllowed) {
      if (isAllowed === false) attempt(() => localStorage.removeItem(TOUCH_NAME));
      return { first: now, last: now };
    }
    const kept = attempt(() => JSON.parse(localStorage.getItem(TOUCH_NAME))) || {};
    const oldest = Date.now() - TOUCH_DAYS * 86_400_000;
    const fresh = (touch) => (touch && Date.parse(touch.at) > oldest ? touch : null);
    const touches = { first: fresh(kept.first) || now, last: (!isArrival && fresh(kept.last)) || now };
    attempt(() => localStorage.setItem(TOUCH_NAME, JSON.stringify(touches)));
    return touches;
  }

  // Where this page view is counted: the campaign's source, otherwise the host of the page before. It is read once, so
  // that view, start and sending are counted alike though consent comes meanwhile. The browser cuts the `Referer` of
  // our requests to the site that the form stands on. Nothing else of an address goes out before the visitor sends.
  function currentSource() {
    const { utm_source: campaign = "", referrer } = currentTouches().last;
    const { hostname } = attempt(() => new URL(referrer)) || address;
    const source = campaign.trim() || (hostname !== address.hostname && hostname) || "direct";
    return (shared.source = shared.source || source.slice(0, MAX_SOURCE_LENGTH));
  }

  const counted = (path, _source = currentSource()) => `${base}${path}?${new URLSearchParams({ _source })}`;

  // What goes with a submission, or to our frame: {page_url, query, consent, first, last, browser_ids}.
  function currentPage() {
    if (shared.page) return shared.page;
    const consent = currentConsent();
    const page = { page_url: location.href.slice(0, 2048), query: location.search, consent, ...currentTouches() };
    if (consent.ad_storage) {
      const cookies = document.cookie.split(/; */).map((one) => one.split("="));
      const ids = cookies.filter(([name, value]) => ["_fbp", "_fbc", "_ga"].includes(name) && value);
      if (ids.length) page.browser_ids = Object.fromEntries(ids);
    }
    return page;
  }

  // Delivery: a post goes on under one key until it is answered -------------------------------------------------------

  // A pending post is kept in sessionStorage, so that a reload or a cut network loses no answers. That needs no
  // consent: the visitor asked for this post, it stays in this tab, and it goes once it is answered. Files cannot be
  // kept there.
  // A record: {id, key, action, pairs: [[name, text]], extra: [[name, text]], mark, hasFiles}.
  const pendingName = (record) => `${PENDING_PREFIX}${record.id}:${record.key}`;
  const keep = (record) => attempt(() => sessionStorage.setItem(pendingName(record), JSON.stringify(record)));
  const forget = (record) => attempt(() => sessionStorage.removeItem(pendingName(record)));

  function pendingRecords(id) {
    const names = attempt(() => Object.keys(sessionStorage)) || [];
    const own = names.filter((name) => name.startsWith(`${PENDING_PREFIX}${id}:`));
    return own.map((name) => parseJson(sessionStorage.getItem(name))).filter(Boolean);
  }

  // A violation of the host's policy is told after the request has failed.
  const policyTold = () => pause(0.1);

  async function post(record, files) {
    const body = files.length ? new FormData() : new URLSearchParams();
    const extra = record.extra || [["_key", record.key]];
    for (const [name, value] of [...record.pairs, ...files, ...extra]) body.append(name, value);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), files.length ? 600_000 : 30_000);
    try {
      const answer = await fetch(record.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        keepalive: !files.length && String(body).length < MAX_KEEPALIVE_BYTES,
        signal: stop.signal,
      });
      const said = parseJson(await answer.text()) || {};
      return { kind: outcome(answer.status, said), said, after: Number(answer.headers.get("Retry-After")) || 0 };
    } catch {
      await policyTold();
      return { kind: "unsent", said: {}, after: 0 };
    } finally {
      clearTimeout(timer);
    }
  }

  // A success without our JSON is not ours: portals of hotels and trains answer so.
  function outcome(status, said) {
    // The key is random and bound to these values: an earlier attempt arrived.
    if (status === 409) return "accepted";
    if (status === 422) return "invalid";
    if (status < 300) return said.status ? "accepted" : "unsent";
    return status >= 500 || [408, 425, 429].includes(status) ? "unsent" : "refused";
  }

  const online = () => new Promise((resolve) => addEventListener("online", resolve, { once: true }));

  // Posts until there is an answer, or four attempts have failed. `tell` is called before each pause.
  async function deliver(record, files, tell) {
    for (let tries = 0; ; tries += 1) {
      const result = await post(record, files);
      if (result.kind !== "unsent") forget(record);
      const isOver = tries === SEND_AGAIN_SECONDS.length || result.after > MAX_WAIT_SECONDS;
      if (result.kind !== "unsent" || isOver || shared.isBlocked) return result;
      tell();
      const seconds = Math.max(SEND_AGAIN_SECONDS[tries], result.after);
      await (result.after ? pause(seconds) : Promise.race([pause(seconds), online()]));
    }
  }

  // One post per key, whoever asks for it.
  function send(record, files, tell = () => {}) {
    if (!shared.jobs.has(record.key)) {
      const job = deliver(record, files, tell).finally(() => shared.jobs.delete(record.key));
      shared.jobs.set(record.key, job);
    }
    return shared.jobs.get(record.key);
  }

  // What an earlier page view left unanswered goes out even if its form is not shown, such as that of a popup.
  function resume() {
    for (const record of pendingRecords(formId).filter((one) => !one.hasFiles)) {
      const earlier = { record, job: send(record, []), isTaken: false, isTold: false };
      shared.resumed.set(formId, earlier);
      earlier.job.then(({ kind, said }) => {
        if (kind !== "accepted" || earlier.isTaken) return;
        earlier.isTold = true;
        announce(document, formId, said, null);
      });
    }
  }

  function announce(target, id, said, box) {
    const detail = { form_id: id, submission_id: said.submission_id || null };
    if (option("datalayer", box) !== undefined) {
      (window.dataLayer = window.dataLayer || []).push({ event: "generate_lead", ...detail });
    }
    return emit(target, "success", detail);
  }

  // Proof of work: ALTCHA 2 with PBKDF2. In batches, so that the page stays quick; `crypto.subtle` works beside the
  // main thread. Without TLS there is none: the missing proof costs points, not the lead.
  async function solve({ parameters, signature }) {
    const { algorithm, nonce, salt, cost, keyLength, keyPrefix } = parameters;
    const bytes = (text) => text.match(/../g).map((pair) => parseInt(pair, 16));
    const kind = { name: "PBKDF2", hash: algorithm.split("/")[1], salt: new Uint8Array(bytes(salt)), iterations: cost };
    const derive = async (counter) => {
      const password = new Uint8Array([...bytes(nonce), 0, 0, 0, 0]);
      new DataView(password.buffer).setUint32(password.length - 4, counter);
      const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
      return hex(new Uint8Array(await crypto.subtle.deriveBits(kind, key, keyLength * 8)));
    };
    for (let from = 0; from < MAX_PROOF_TRIES; from += 20) {
      const keys = await Promise.all(Array.from({ length: 20 }, (_, index) => derive(from + index)));
      const hit = keys.findIndex((key) => key.startsWith(keyPrefix));
      const solution = { counter: from + hit, derivedKey: keys[hit] };
      if (hit >= 0) return btoa(JSON.stringify({ challenge: { parameters, signature }, solution }));
      await pause(0);
    }
    return "";
  }

  // Controls ----------------------------------------------------------------------------------------------------------

  const isChoice = (control) => control.type === "checkbox" || control.type === "radio";

  // Texts, as they are sent; for files their names.
  function controlValues(controls) {
    return controls.flatMap((control) => {
      if (isChoice(control)) return control.checked ? [control.value] : [];
      if (control.type === "file") return [...control.files].map((file) => file.name);
      return [control.value];
    });
  }

  function setControls(controls, values) {
    for (const control of controls) {
      if (control.type === "file" || control.type === "submit") continue;
      if (isChoice(control)) control.checked = values.includes(control.value);
      else control.value = values[0];
    }
  }

  // One field of a form of ours: `<div class="lh-field" data-key data-type data-show-if data-required data-prefill>`.
  class Field {
    constructor(box) {
      const { key, type, showIf, required, prefill } = box.dataset;
      Object.assign(this, { box, key, type });
      this.isRequired = required !== undefined;
      this.isPrefilled = prefill !== undefined;
      this.showIf = parseJson(showIf || null);
      this.controls = $$("input, select, textarea", box).filter((one) => one.name === key);
      // Of radios and lists of boxes.
      this.group = box.querySelector(".lh-group");
      for (const control of this.controls) {
        const described = control.getAttribute("aria-describedby") || "";
        control.setAttribute("aria-describedby", `${described.replace(`lh-${key}-error`, "")} lh-${key}-error`.trim());
      }
    }

    // What conditions compare: a text, a list of texts, true, or undefined.
    get value() {
      const values = controlValues(this.controls);
      if (this.group && this.type !== "radio") return values;
      return isChoice(this.controls[0]) && !this.group ? values.length > 0 || undefined : values[0];
    }

    // The name and the parameters of the message for what is wrong, or undefined. Formats are the server's to judge: it
    // takes more than browsers do, such as addresses in other scripts.
    get problem() {
      const [control] = this.controls;
      if (control.validity.badInput) return ["date"];
      if (isEmpty(this.value)) return this.isRequired ? [this.missingText] : undefined;
      if (this.type === "email" && !/[^\s]@[^\s]/.test(this.value)) return ["email_no_at"];
      return this.type === "file" ? this.fileProblem(control) : undefined;
    }

    get missingText() {
      if (this.type === "file") return "required_file";
      if (this.group || this.type === "select") return "required_choice";
      return isChoice(this.controls[0]) ? "required_consent" : "required";
    }

    fileProblem({ files, accept, dataset }) {
      const types = accept.toLowerCase().split(/[\s,]+/).filter(Boolean);
      // A browser that does not know a type says nothing: the server judges by the bytes.
      const fits = ({ name, type }) =>
        types.some((one) =>
          one[0] === "." ? name.toLowerCase().endsWith(one) : !type || type.startsWith(one.replace("*", "")),
        );
      for (const file of files) {
        if (file.size > dataset.maxMb * MEGABYTE) return ["file_size", { max: dataset.maxMb }];
        if (types.length && !fits(file)) return ["file_type"];
      }
      return undefined;
    }
  }

  const fieldsOf = (form) => $$(".lh-field", form).map((one) => new Field(one)).filter((one) => one.controls.length);

  // A form that lives -------------------------------------------------------------------------------------------------

  class LiveForm {
    // `box`: the element of the page whose attributes count. `id`: the form's public id.
    constructor(form, id, box) {
      Object.assign(this, { form, id, box, isBusy: false, record: null, step: 0, preparation: null });
      this.isOurs = form.classList.contains("lh-form");
      this.texts = parseJson(form.dataset.messages) || {};
      this.action = webAddress(form.getAttribute("action"), document.baseURI) || base + id;
      this.fields = this.isOurs ? fieldsOf(form) : [];
      this.byKey = new Map(this.fields.map((field) => [field.key, field]));
      this.steps = this.isOurs ? $$(".lh-step", form) : [];
      // A form of the host keeps the browser's own checks and bubbles.
      if (this.isOurs) form.noValidate = true;
      this.listen();
      this.prefill();
      this.refresh();
      const wrong = this.fields.find((field) => field.box.querySelector(".lh-error:not([hidden])"));
      this.showStep(wrong ? this.stepOf(wrong) : 0, false);
      form.dataset.live = "";
      // The visitor was quicker than this script.
      if (form.contains(form.getRootNode().activeElement)) this.touch();
      emit(form, "ready", { form_id: id });
      this.restore();
    }

    listen() {
      const { form } = this;
      for (const name of ["focusin", "pointerdown", "input"]) form.addEventListener(name, () => this.touch());
      for (const name of ["input", "change"]) {
        form.addEventListener(name, ({ target }) => {
          this.clearError(target.name);
          this.refresh();
        });
      }
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        if (this.nextStep() !== null) this.goOn();
        // Whatever is wrong with this script, the answers arrive.
        else this.submit().catch(() => this.sendNatively());
      });
      for (const one of $$("[data-next]", form)) one.addEventListener("click", () => this.goOn());
      for (const one of $$("[data-back]", form)) {
        one.addEventListener("click", () => this.showStep(this.nextStep(-1), true));
      }
      addEventListener("pageshow", (event) => event.persisted && this.setBusy(false));
    }

    // A text of `data-messages`. A form of the host learns them on the first touch.
    text(name, values = {}) {
      return (this.texts[name] || "").replace(/\{(\w+)\}/g, (whole, one) => (one in values ? values[one] : whole));
    }

    // The named input that is not shown; `_key` and its like may be absent in the markup.
    hiddenInput(name) {
      const found = this.form.querySelector(`input[name="${name}"]`);
      if (found) return found;
      const input = make("input", { type: "hidden", name });
      this.form.append(input);
      return input;
    }

    // A page of ours was counted when it was made, and says where.
    get source() {
      return this.hiddenInput("_source").value || currentSource();
    }

    // On the first touch, and not before: pages are cached, the token's time must be this visitor's.
    touch() {
      // In a preview nothing is counted, and nothing can be sent.
      if (this.preparation || "preview" in this.form.dataset) return;
      emit(this.form, "start", { form_id: this.id });
      // Without a token the server judges by other signs.
      this.preparation = this.prepare().catch(() => {});
    }

    async prepare() {
      if (!this.isOurs) {
        fragmentOf(this.id).then(({ html }) => {
          const [form] = $$("form", parseHtml(html));
          if (form) this.texts = parseJson(form.dataset.messages) || {};
        }, () => {});
      }
      const { token, challenge } = await (await fetch(counted(`${this.id}/token`, this.source))).json();
      const input = this.hiddenInput("_token");
      // A page of ours has one from when it was made. A challenge belongs to the token that came with it.
      if (token && (challenge || !input.value)) input.value = token;
      if (challenge) this.hiddenInput("_altcha").value = await solve(challenge);
    }

    prefill() {
      const query = new URLSearchParams(currentPage().query);
      // Nobody agrees by following a link.
      const isFilled = (field) => field.isPrefilled && field.type !== "consent" && query.has(field.key);
      for (const field of this.fields.filter(isFilled)) {
        const isUntouched = isEmpty(controlValues(field.controls).filter(Boolean));
        if (isUntouched) setControls(field.controls, query.getAll(field.key));
      }
    }

    // Fields and steps

    isShown(field) {
      if (!field.showIf) return true;
      return conditionMatches(field.showIf, (key) => {
        // Conditions name earlier fields only, so this ends.
        const other = this.byKey.get(key);
        return other && this.isShown(other) ? other.value : undefined;
      });
    }

    refresh() {
      for (const field of this.fields.filter((one) => one.showIf)) {
        const isShown = this.isShown(field);
        if (field.type !== "hidden") toggle(field.box, isShown);
        // So that it is not sent.
        for (const control of field.controls) control.disabled = !isShown;
      }
      this.showProgress();
    }

    stepOf(field) {
      return Math.max(0, this.steps.indexOf(field.box.closest(".lh-step")));
    }

    // The steps that have something to show, by number.
    shownSteps() {
      const isUsed = (step, index) => {
        const own = this.fields.filter((field) => this.stepOf(field) === index);
        return !own.length || own.some((field) => field.type !== "hidden" && this.isShown(field));
      };
      return this.steps.map((step, index) => index).filter((index) => isUsed(this.steps[index], index));
    }

    nextStep(by = 1) {
      const shown = this.shownSteps();
      const next = shown[shown.indexOf(this.step) + by];
      return next === undefined ? null : next;
    }

    goOn() {
      const next = this.nextStep();
      this.touch();
      if (next !== null && this.check(this.fields.filter((field) => this.stepOf(field) === this.step))) {
        this.showStep(next, true);
      }
    }

    showStep(index, isMove) {
      if (this.steps.length < 2 || index === null) return;
      this.step = index;
      this.steps.forEach((step, number) => toggle(step, number === index));
      this.showProgress();
      if (!isMove) return;
      this.showSummary();
      const step = this.steps[index];
      step.tabIndex = -1;
      step.focus();
      emit(this.form, "step", { form_id: this.id, step: index + 1 });
    }

    showProgress() {
      if (this.steps.length < 2) return;
      const { form } = this;
      const shown = this.shownSteps();
      const isLast = this.nextStep() === null;
      for (const one of $$("[data-back]", form)) toggle(one, this.nextStep(-1) !== null);
      for (const one of $$("[data-next]", form)) toggle(one, !isLast);
      for (const one of $$("[type=submit]", form)) toggle(one, isLast);
      const place = form.querySelector(".lh-progress");
      const text = this.text("progress", { step: shown.indexOf(this.step) + 1, total: shown.length });
      if (place && place.textContent !== text) place.textContent = text;
      if (place) toggle(place, shown.length > 1);
    }

    // Errors

    // Whether the fields that are shown are right. Errors of others stay.
    check(fields) {
      const errors = {};
      for (const field of fields) {
        this.clearError(field.key);
        const [name, values] = (this.isShown(field) && field.problem) || [];
        if (name) errors[field.key] = [this.text(name, values)];
      }
      const isRight = !Object.keys(errors).length;
      if (!isRight) this.showErrors(errors, "");
      return isRight;
    }

    controlsOf(key) {
      return [...this.form.elements].filter((one) => one.name === key);
    }

    // Shows a text at a field, or takes it away. A form of the host gets a place for it. Returns whether there is one.
    setError(key, text) {
      const id = `lh-${key}-error`;
      const controls = this.controlsOf(key);
      let slot = $$(".lh-error", this.form).find((one) => one.id === id);
      if (!slot && text && controls.length) {
        slot = make("p", { id, className: "lh-error" });
        (controls[0].closest("label") || controls[0]).after(slot);
        controls[0].setAttribute("aria-describedby", id);
      }
      if (!slot) return false;
      slot.textContent = text;
      toggle(slot, Boolean(text));
      const field = this.byKey.get(key);
      for (const one of field && field.group ? [field.group] : controls) {
        if (text) one.setAttribute("aria-invalid", "true");
        else one.removeAttribute("aria-invalid");
      }
      return true;
    }

    clearError(key) {
      if (key) this.setError(key, "");
    }

    // `errors`: lists of texts by field key, "" for the whole form. `text`: said if no field is to blame.
    showErrors(errors, text) {
      const keys = Object.keys(errors).filter((key) => this.setError(key, errors[key].join(" ")));
      const others = Object.keys(errors).filter((key) => !keys.includes(key)).flatMap((key) => errors[key]);
      const field = this.fields.find((one) => keys.includes(one.key));
      if (field) this.showStep(this.stepOf(field), false);
      const links = keys.map((key) => make("li", {}, this.errorLink(key)));
      const more = others.map((one) => make("p", {}, one));
      if (keys.length) more.push(make("ul", {}, ...links));
      const title = make("b", {}, this.text("summary") || text);
      this.showSummary(title, ...more);
      emit(this.form, "error", { form_id: this.id, fields: keys });
    }

    // Links by `#id` do not reach into a shadow root.
    errorLink(key) {
      const field = this.byKey.get(key);
      const [control] = this.controlsOf(key);
      const label = field && field.group ? field.group.querySelector("legend") : (control.labels || [])[0];
      const name = label ? (label.querySelector("span") || label).textContent.trim().replace(/:$/, "") : key;
      const link = make("a", { href: `#lh-${key}`, dir: "auto" }, name);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        if (field) this.showStep(this.stepOf(field), false);
        control.focus();
      });
      return link;
    }

    // The focus goes to what is said, if anything is.
    showSummary(title, ...more) {
      const place = this.place("lh-summary", "alert");
      place.replaceChildren(...(title ? [make("p", {}, title), ...more] : []));
      toggle(place, Boolean(title));
      if (title) place.focus();
    }

    // An element of ours in the form; forms of hosts get it first.
    place(className, role) {
      const found = this.form.querySelector(`.${className}`);
      if (found) return found;
      const made = make("div", { className, tabIndex: -1 });
      made.setAttribute("role", role);
      this.form.prepend(made);
      return made;
    }

    showStatus(text) {
      this.place("lh-status", "status").textContent = text;
    }

    // Sending

    setBusy(isBusy) {
      this.isBusy = isBusy;
      const mark = (element, name) => (isBusy ? element.setAttribute(name, "true") : element.removeAttribute(name));
      mark(this.form, "aria-busy");
      // `disabled` would lose the focus.
      for (const one of $$("[type=submit]", this.form)) mark(one, "aria-disabled");
      this.showStatus(isBusy ? this.text("sending") : "");
    }

    async submit() {
      // A double click sends once.
      if (this.isBusy) return;
      this.touch();
      this.showSummary();
      if (!this.check(this.fields) || !emit(this.form, "submit", { form_id: this.id })) return;
      this.setBusy(true);
      const isFile = ([, value]) => value instanceof File;
      const entries = [...new FormData(this.form)].filter(([name, value]) => name[0] !== "_" && value.name !== "");
      const files = entries.filter(isFile);
      const fileMark = ([name, { name: file, size, lastModified }]) => [name, file, size, lastModified];
      const mark = JSON.stringify(entries.map((one) => (isFile(one) ? fileMark(one) : one)));
      // A key stands for one set of answers: the same answers go again under it, changed ones under another.
      if (!this.record || this.record.mark !== mark) {
        if (this.record) forget(this.record);
        const pairs = entries.filter((one) => !isFile(one));
        this.record = { id: this.id, key: randomKey(), action: this.action, pairs, mark, hasFiles: files.length > 0 };
        // The proof of work may take seconds; a reload must not lose the answers meanwhile.
        keep(this.record);
        await Promise.race([this.preparation, pause(15)]);
        this.record.extra = this.hiddenPairs(this.record.key);
      }
      keep(this.record);
      await this.follow(send(this.record, files, () => this.showStatus(this.text("retrying"))));
    }

    // What goes with the answers. The key in the markup may have been cached, ours is new.
    hiddenPairs(key) {
      const { page_url: page, query, ...touches } = currentPage();
      const own = { _key: key, _page: page, _attribution: JSON.stringify({ ...touches, page_url: page }) };
      own._source = this.source;
      return ["_key", "_page", "_attribution", "_source", "_token", "_altcha", "_language"]
        .map((name) => {
          const input = this.hiddenInput(name);
          input.value = own[name] || input.value;
          return [name, input.value];
        })
        .filter(([, value]) => value);
    }

    async follow(job, earlier) {
      const { kind, said } = await job;
      const height = this.form.offsetHeight;
      this.setBusy(false);
      if (kind !== "unsent") this.record = null;
      if (kind === "accepted") this.thank(said, height, earlier);
      else if (kind === "invalid" && said.errors) this.showErrors(said.errors, said.message || "");
      else if (kind === "unsent") await this.offerAgain();
      else this.fail(said.message || this.text("refused") || FAILED_TEXT);
    }

    fail(text, ...more) {
      this.showSummary(text, ...more);
      emit(this.form, "error", { form_id: this.id, fields: [] });
    }

    async offerAgain() {
      if (shared.isBlocked && this.record) return this.sendNatively();
      const again = make("button", { type: "button", className: "lh-retry" }, this.text("try_again") || "↻");
      const pressed = new Promise((resolve) => again.addEventListener("click", resolve, { once: true }));
      this.fail(this.text("failed") || FAILED_TEXT, again);
      await Promise.race([pressed, online()]);
      if (again.isConnected) await this.submit();
      return undefined;
    }

    // The host's policy forbids our requests, but a form may still be posted. Its page is the answer then.
    sendNatively() {
      if (this.record) forget(this.record);
      HTMLFormElement.prototype.submit.call(this.form);
    }

    // What an earlier page view left unanswered. A dialog that is opened afterwards is for other answers.
    restore() {
      const earlier = shared.resumed.get(this.id);
      const record = earlier ? earlier.record : pendingRecords(this.id).find((one) => one.hasFiles);
      if (!record || (earlier && earlier.isTold && this.form.closest("dialog"))) return;
      shared.resumed.delete(this.id);
      this.record = record;
      for (const name of new Set(record.pairs.map(([one]) => one))) {
        setControls(this.controlsOf(name), record.pairs.filter(([one]) => one === name).map(([, value]) => value));
      }
      this.refresh();
      if (!earlier) {
        this.showSummary(this.text("files_again"));
        return;
      }
      earlier.isTaken = true;
      this.setBusy(true);
      this.follow(earlier.job, earlier);
    }

    // `earlier`: of an earlier page view. Nobody is led away for what was sent then.
    thank(said, height, earlier) {
      if (!(earlier && earlier.isTold) && !announce(this.form, this.id, said, this.box)) return;
      const { lang, dir } = this.form;
      const text = make("p", { tabIndex: -1, dir: "auto" }, said.message || this.text("success") || "✓");
      const place = make("div", { className: "lh-thanks", lang, dir }, text);
      place.setAttribute("role", "status");
      // What is below must not jump.
      place.style.maxWidth = `${this.form.offsetWidth}px`;
      if (!this.form.closest("dialog")) place.style.minHeight = `${height}px`;
      this.form.after(place);
      toggle(this.form, false);
      if (earlier) return;
      text.focus();
      const next = said.redirect_url && webAddress(said.redirect_url, currentPage().page_url);
      if (next) leave(next);
    }
  }

  function leave(url) {
    try {
      window.top.location.href = url;
    } catch {
      // A frame that may not move the page around it.
      location.href = url;
    }
  }

  // Where the form is shown -------------------------------------------------------------------------------------------

  // Neither side's styles harm the other: what the host's rules do to our element is undone, what they hand down ends
  // at the inner root. Its own margins and widths stay the host's.
  const BASE_CSS = `
    :host { display: block !important; visibility: visible !important; opacity: 1 !important; height: auto !important;
      min-width: min(100%, 270px) !important; max-height: none !important; overflow: visible !important;
      clip-path: none !important; transform: none !important; filter: none !important; pointer-events: auto !important;
      content-visibility: visible !important; }
    .lh-root { all: initial; display: block; }
    [hidden] { display: none !important; }
    iframe { display: block; inline-size: 100%; border: 0; }
    .lh-dialog { box-sizing: border-box; inline-size: min(36em, 100vw - 24px); max-block-size: calc(100dvh - 24px);
      overflow: auto; border: 0; border-radius: 12px; padding: 1.5em; background: var(--lh-background, Canvas);
      color: var(--lh-text, CanvasText); }
    .lh-dialog::backdrop { background: rgb(0 0 0 / 0.55); }
    .lh-dialog .lh-head { padding-inline-end: 44px; }
    .lh-close { position: absolute; inset-block-start: 8px; inset-inline-end: 8px; inline-size: 44px; block-size: 44px;
      border: 0; background: none; color: inherit; font: 24px/1 sans-serif; cursor: pointer; }`;

  // Browsers before 2023 cannot do this: there the host's own link stays.
  function addStyles(shadow, css) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(BASE_CSS + css.replace(/:(root|host)\b/g, ".lh-root"));
    shadow.adoptedStyleSheets = [sheet];
  }

  // A shadow root in an element, with a root of ours that is as high as the element was.
  function openRoot(box) {
    const { height } = box.getBoundingClientRect();
    const shadow = box.shadowRoot || box.attachShadow({ mode: "open" });
    const root = make("div", { className: "lh-root" });
    if (height) root.style.minHeight = `${height}px`;
    // The host's own content until the form is there, and if it never comes.
    root.append(make("slot"));
    shadow.replaceChildren(root);
    addStyles(shadow, "");
    return { shadow, root };
  }

  async function load(url) {
    const answer = await fetch(url);
    if (answer.ok) return answer.text();
    throw Object.assign(new Error(`LeadHub: ${url} answered ${answer.status}`), { isFinal: answer.status < 500 });
  }

  // {html, css} of a form. Tried again as posts are; what failed is forgotten.
  function fragmentOf(id) {
    if (!shared.fragments.has(id)) {
      const loading = loadFragment(id);
      loading.catch(() => shared.fragments.delete(id));
      shared.fragments.set(id, loading);
    }
    return shared.fragments.get(id);
  }

  async function loadFragment(id) {
    for (let tries = 0; ; tries += 1) {
      try {
        const [html, css] = await Promise.all([load(counted(`${id}/fragment`)), load(`${base}${id}/form.css`)]);
        return { html, css };
      } catch (error) {
        await policyTold();
        if (shared.isBlocked || error.isFinal || tries === SEND_AGAIN_SECONDS.length) throw error;
        await pause(SEND_AGAIN_SECONDS[tries]);
      }
    }
  }

  // A parser runs no scripts. Hosts with Trusted Types need a policy for it.
  function parseHtml(html) {
    if (window.trustedTypes && !shared.policy) {
      shared.policy = window.trustedTypes.createPolicy("leadhub", { createHTML: (text) => text });
    }
    return new DOMParser().parseFromString(shared.policy ? shared.policy.createHTML(html) : html, "text/html");
  }

  // Puts the form into a root. The nodes are the document's own afterwards.
  async function fill(shadow, place, box) {
    const { html, css } = await fragmentOf(formId);
    const nodes = [...parseHtml(html).body.childNodes].map((node) => document.importNode(node, true));
    addStyles(shadow, css);
    place.append(...nodes);
    const form = place.querySelector("form");
    shared.claimed.add(form);
    return new LiveForm(form, formId, box);
  }

  async function showInline(box) {
    const { shadow, root } = openRoot(box);
    const place = make("div");
    root.append(place);
    try {
      await fill(shadow, place, box);
      root.querySelector("slot").remove();
    } catch (error) {
      if (shared.isBlocked) showFrame(box);
      else showFailure(box, error);
    }
  }

  function showFailure(box, error) {
    if (!box.textContent.trim()) box.append(make("a", { href: base + formId }, base + formId));
    emit(box, "error", { form_id: formId, fields: [] });
    console.warn(String(error));
  }

  function showFrame(box) {
    const height = Number(option("height", box)) || box.getBoundingClientRect().height || 480;
    const { root } = openRoot(box);
    const title = box.getAttribute("aria-label") || document.title || formId;
    const frame = make("iframe", { src: `${counted(formId)}&embed=1`, title });
    frame.style.height = `${height}px`;
    root.replaceChildren(frame);
    addEventListener("message", ({ source, origin: sender, data }) => {
      if (source !== frame.contentWindow || sender !== origin || !data || data.type !== "leadhub:height") return;
      if (!Number.isInteger(data.height) || data.height < 1) return;
      frame.style.height = `${Math.min(data.height, MAX_FRAME_PIXELS)}px`;
      source.postMessage({ type: "leadhub:page", page: currentPage() }, origin);
    });
  }

  // In our frame: tells the page around it how high the content is, and nothing else. A number needs no addressee.
  function tellHeight() {
    const content = document.querySelector("main") || document.body;
    let told = 0;
    const tell = () => {
      const below = parseFloat(getComputedStyle(document.body).paddingBottom) || 0;
      const height = Math.min(MAX_FRAME_PIXELS, Math.ceil(content.getBoundingClientRect().bottom + scrollY + below));
      if (height > 0 && height !== told) parent.postMessage({ type: "leadhub:height", height }, "*");
      told = height;
    };
    new ResizeObserver(tell).observe(content);
    tell();
  }

  function hearPage(live) {
    addEventListener("message", ({ source, data }) => {
      if (source !== parent || !data || data.type !== "leadhub:page" || typeof data.page !== "object") return;
      shared.page = data.page;
      if (!live.preparation) {
        live.prefill();
        live.refresh();
      }
    });
  }

  function offerPopup(box) {
    const query = option("trigger", box) || `[data-leadhub-open="${CSS.escape(formId)}"]`;
    if (!isNew(shared.names, `popup:${formId}:${query}`)) return;
    let dialog = null;
    const loaded = () => (dialog = dialog || makeDialog(box));
    const triggerOf = (event) => event.target instanceof Element && event.target.closest(query);
    for (const name of ["pointerover", "focusin"]) {
      document.addEventListener(name, (event) => triggerOf(event) && fragmentOf(formId).catch(() => {}));
    }
    document.addEventListener("click", async (event) => {
      if (!triggerOf(event) || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      try {
        const shown = await loaded();
        if (!shown.open) shown.showModal();
      } catch {
        // The page of the form does what the dialog cannot.
        location.href = counted(formId);
      }
    });
    for (const trigger of $$(query)) trigger.setAttribute("aria-haspopup", "dialog");
  }

  async function makeDialog(box) {
    const host = make("div");
    document.body.append(host);
    const { shadow, root } = openRoot(host);
    const close = make("button", { type: "button", className: "lh-close" }, "×");
    const dialog = make("dialog", { className: "lh-dialog" });
    root.replaceChildren(dialog);
    const live = await fill(shadow, dialog, box);
    dialog.append(close);
    close.setAttribute("aria-label", live.text("close"));
    close.addEventListener("click", () => dialog.close());
    dialog.dir = live.form.dir;
    const title = dialog.querySelector(".lh-title, h1, h2") || dialog.querySelector("[type=submit]");
    dialog.setAttribute("aria-label", title.textContent.trim());
    return dialog;
  }

  function formsOfPage() {
    const target = (form) => webAddress(form.getAttribute("action") || "", document.baseURI).split(/[?#]/)[0];
    return $$("form").filter((form) => form.dataset.leadhubForm === formId || target(form) === base + formId);
  }

  function enhanceForms() {
    for (const form of formsOfPage().filter((one) => isNew(shared.claimed, one))) {
      const live = new LiveForm(form, formId, form);
      const isFramed = parent !== window && location.origin === origin && /[?&]embed=1\b/.test(location.search);
      if (isFramed) {
        hearPage(live);
        tellHeight();
      }
    }
  }

  // A page of ours shows the first step at once, not all steps until it is read. It has room for the progress before
  // the second step has come.
  function hideLaterSteps() {
    const css = `.lh-form:not([data-live]) {
      :is(.lh-step ~ .lh-step, [data-show-if]) { display: none; }
      .lh-progress { display: block !important; min-block-size: 1lh; }
    }`;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }

  function show(box, mode) {
    if (mode === "popup") offerPopup(box);
    else if (isNew(shared.claimed, box)) (mode === "iframe" ? showFrame : showInline)(box);
  }

  function start() {
    const around = script.closest("[data-leadhub-form]:not(form)");
    const mode = option("mode", around) || "";
    if (mode === "enhance" || (!mode && !around && formsOfPage().length)) return enhanceForms();
    if (around) return show(around, mode);
    if (mode === "popup") return offerPopup(null);
    const boxes = $$(`[data-leadhub-form="${CSS.escape(formId)}"]:not(form)`);
    for (const box of boxes) show(box, option("mode", box));
    if (!boxes.length && isNew(shared.names, `inline:${formId}`)) {
      const box = make("div");
      // Of several copies the first, whichever of them came first. A script in the head shows nothing there.
      const place = $$("body script").find((one) => one.src === script.src);
      if (place) place.after(box);
      else document.body.append(box);
      show(box, mode);
    }
    return undefined;
  }

  if (isFirstCopy) {
    document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
      if (effectiveDirective === "connect-src" && blockedURI.startsWith(origin)) shared.isBlocked = true;
    });
    watchConsent();
  }
  currentTouches();
  if (isNew(shared.names, `resume:${formId}`)) resume();
  if (script.dataset.mode === "enhance" && location.origin === origin) attempt(hideLaterSteps);
  // The rest of the page may decide: a form of its own, or a place for ours further down.
  if (document.readyState === "loading" && !script.closest("[data-leadhub-form]:not(form)")) {
    document.addEventListener("DOMContentLoaded", start);
  } else start();
})();
