// The console's own script. Every page works without it; it adds what a mouse, a form and a reload cannot do:
// live figures with their age, shortcuts, the palette, selection of rows, copying. It never sets HTML.

import { LiveFeed } from "./live_page.js";

const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];

// Preferences ---------------------------------------------------------------------------------------------------------

// The server formats times in the browser's zone, which it learns from this cookie.
function rememberZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`leadhub_zone=${zone}`)) {
    document.cookie = `leadhub_zone=${zone}; path=/console; max-age=31536000; samesite=lax`;
  }
}

// Live regions --------------------------------------------------------------------------------------------------------

// An element with `data-live-stream` names the address of a stream, and the part of the page that it replaces, if it
// replaces one. The age counts from the last message, or from the load of the page.
const live = {
  pill: $("[data-live-pill]"),
  stream: $("[data-live-stream]"),
  heardAt: performance.now(),
  seenAt: performance.now(),
  isPaused: false,
  isFull: false,
  hasEnded: false,
  reason: "paused",

  start() {
    if (!this.stream) return;
    const { liveStream: url, liveReader: reader } = this.stream.dataset;
    this.feed = new LiveFeed(url, reader, (message) => this.hear(message));
    this.feed.watch(true);
    if (!this.pill) return;
    this.pill.addEventListener("click", () => (this.isPaused ? this.resume() : this.pause("paused")));
    document.addEventListener("visibilitychange", () => { this.seenAt = performance.now(); });
    setInterval(() => this.show(), 1000);
    this.show();
  },

  async hear({ event, data, status }) {
    this.isFull = status === 429;
    if (status === 401 || event === "signed-out") this.end();
    else if (event) document.dispatchEvent(new CustomEvent(event, { detail: { data } }));
    else if (status === undefined) await this.replace(data);
    if (status !== undefined) return;
    this.heardAt = performance.now();
    this.show();
    document.dispatchEvent(new CustomEvent("live-message"));
  },

  async replace(text) {
    const target = $(this.stream.dataset.liveTarget);
    await window.htmx.swap({ sourceElement: this.stream, target, swap: "innerMorph swapEmpty:false", text });
  },

  pause(reason) {
    if (this.isPaused || this.hasEnded || !this.stream) return;
    this.isPaused = true;
    this.reason = reason;
    this.feed.watch(false);
    this.show();
  },

  resume() {
    if (!this.isPaused || this.hasEnded) return;
    this.isPaused = false;
    this.seenAt = performance.now();
    this.feed.watch(true);
    this.show();
  },

  end() {
    this.hasEnded = true;
    this.feed.watch(false);
    this.show();
  },

  show() {
    if (!this.pill) return;
    const now = performance.now();
    const seconds = `${Math.round((now - this.heardAt) / 1000)} ${this.pill.dataset.seconds}`;
    const waited = (now - Math.max(this.heardAt, this.seenAt)) / 1000;
    const isLost = !this.isPaused && waited > 15;
    this.pill.classList.toggle("paused", this.isPaused || (!isLost && waited > 5));
    this.pill.classList.toggle("lost", isLost || this.isFull || this.hasEnded);
    if (this.hasEnded) this.pill.textContent = this.pill.dataset.ended;
    else if (this.isPaused) this.pill.textContent = this.pill.dataset[this.reason];
    else if (this.isFull) this.pill.textContent = this.pill.dataset.full;
    else this.pill.textContent = `${isLost ? this.pill.dataset.lost : this.pill.dataset.live} · ${seconds}`;
    this.pill.setAttribute("aria-pressed", String(this.isPaused));
  },
};

// New rows are only counted: a button shows how many, and a click reloads the list.
function countNewRows() {
  document.addEventListener("new-rows", (event) => {
    const bar = $("[data-new-rows]");
    if (!bar) return;
    const count = Number(JSON.parse(event.detail.data).count);
    bar.hidden = !count;
    const text = $("[data-new-text]", bar);
    if (text) text.textContent = JSON.parse(event.detail.data).text;
  });
}

// A job of the reader ended while they look at another page: a toast says so, once in this window.
function tellOfEndedJobs() {
  document.addEventListener("job-ended", (event) => tellOfEndedJob(JSON.parse(event.detail.data)));
}

function tellOfEndedJob(said) {
  const told = `leadhub-job-${said.id}`;
  if (sessionStorage.getItem(told)) return;
  // The answer to what the reader has just done, which may hold an "Undo", stays until it goes by itself.
  if ($("[data-toast='']")) {
    setTimeout(() => tellOfEndedJob(said), 1000);
    return;
  }
  sessionStorage.setItem(told, "told");
  if (window.location.pathname === said.link) return;
  $("[data-toast]")?.remove();
  const toast = Object.assign(document.createElement("div"), { className: "toast at" });
  toast.setAttribute("role", "status");
  toast.dataset.toast = "job";
  const close = Object.assign(document.createElement("button"), { type: "button", textContent: said.close });
  close.dataset.dismiss = "toast";
  toast.append(
    Object.assign(document.createElement("span"), { textContent: said.text }),
    Object.assign(document.createElement("a"), { className: "link", href: said.link, textContent: said.label }),
    close,
  );
  document.body.append(toast);
  if (said.isGood) setTimeout(() => toast.remove(), 6000); // bad news stay until they are closed
}

// Dialogs and menus ---------------------------------------------------------------------------------------------------

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  $("[autofocus], input:not([type=hidden])", dialog)?.focus();
  if (id === "palette") palette.opened(dialog);
}

function dialogsAndMenus() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener && document.getElementById(opener.dataset.open)) {
      event.preventDefault();
      openDialog(opener.dataset.open);
      return;
    }
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(dismiss.dataset.dismiss === "toast" ? "[data-toast]" : "dialog")?.[dismiss.dataset.dismiss === "toast" ? "remove" : "close"]();
    for (const menu of $$("details.drop[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (event.target instanceof HTMLDialogElement && !event.target.dataset.typed) event.target.close();
  });
  document.addEventListener("input", (event) => {
    const dialog = event.target.closest("dialog");
    if (dialog) dialog.dataset.typed = "yes";
  });
  const toast = $("[data-toast]");
  if (toast) setTimeout(() => toast.remove(), 8000);
  for (const dialog of $$("dialog[data-show]")) dialog.showModal();
}

// The number to type: the button opens when the number is the one that is shown.
function numberToType() {
  for (const field of $$("input[data-must-equal]")) {
    const button = $("button[data-needs-number]", field.form);
    const check = () => {
      const typed = field.value.replace(/[^0-9]/g, "");
      const isSame = typed === field.dataset.mustEqual;
      field.toggleAttribute("data-same", isSame);
      field.toggleAttribute("data-other", typed !== "" && !isSame);
      if (button) button.disabled = !isSame;
    };
    field.addEventListener("input", check);
    check();
  }
}

// How long so many rows take at the rate that is typed. The server says it for the rate that it was sent.
function paceForecast() {
  for (const field of $$("input[data-pace-count]")) {
    const text = $("[data-pace-text]", field.parentNode);
    field.addEventListener("input", () => {
      const rate = Number(field.value.replace(/[^0-9]/g, ""));
      const seconds = rate ? Math.max(1, Math.round(Number(field.dataset.paceCount) / rate)) : 0;
      const said = field.dataset;
      if (!rate) text.textContent = said.paceNone;
      else if (seconds < 100) text.textContent = said.paceSeconds.replace("{n}", seconds);
      else if (seconds < 6000) text.textContent = said.paceMinutes.replace("{n}", Math.round(seconds / 60));
      else text.textContent = said.paceHours.replace("{n}", Math.round(seconds / 3600));
    });
  }
}

// The palette ---------------------------------------------------------------------------------------------------------

const palette = {
  request: null,

  opened(dialog) {
    this.dialog = dialog;
    this.input = $("input[name=q]", dialog);
    this.results = $("[role=listbox]", dialog);
    if (!dialog.dataset.ready) {
      dialog.dataset.ready = "yes";
      this.input.addEventListener("input", () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.search(), 120); });
      dialog.addEventListener("keydown", (event) => this.key(event));
    }
    this.input.select();
    this.search();
  },

  async search() {
    this.request?.abort();
    this.request = new AbortController();
    const url = `${this.dialog.dataset.source}?${new URLSearchParams({ q: this.input.value })}`;
    try {
      const answer = await fetch(url, { signal: this.request.signal, headers: { Accept: "application/json" } });
      if (answer.ok) this.show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  },

  // [{title, rows: [{href, icon, text, detail, side}]}]
  show(groups) {
    this.results.replaceChildren(...groups.map((group, number) => {
      const box = document.createElement("div");
      box.setAttribute("role", "group");
      box.setAttribute("aria-labelledby", `palette-group-${number}`);
      const title = Object.assign(document.createElement("h3"), { id: `palette-group-${number}`, textContent: group.title });
      title.setAttribute("role", "presentation");
      const list = document.createElement("ul");
      list.setAttribute("role", "none");
      list.append(...group.rows.map((row) => this.row(row)));
      box.append(title, list);
      return box;
    }));
    this.choose(0);
  },

  row(row) {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.id = `palette-row-${Math.random().toString(36).slice(2)}`;
    const link = Object.assign(document.createElement("a"), { href: row.href, tabIndex: -1 });
    const text = Object.assign(document.createElement("bdi"), { textContent: row.text });
    const detail = Object.assign(document.createElement("span"), { className: "faint t2", textContent: row.detail ?? "" });
    const side = Object.assign(document.createElement("span"), { className: "push", textContent: row.side ?? "" });
    link.append(text, detail, side);
    item.append(link);
    return item;
  },

  options() { return $$("[role=option]", this.results); },

  choose(index) {
    const options = this.options();
    this.at = Math.max(0, Math.min(index, options.length - 1));
    options.forEach((option, number) => option.setAttribute("aria-selected", String(number === this.at)));
    if (options.length) {
      this.input.setAttribute("aria-activedescendant", options[this.at].id);
      options[this.at].scrollIntoView({ block: "nearest" });
    }
  },

  key(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.choose(this.at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      const link = this.options()[this.at]?.querySelector("a");
      if (!link) return; // the form searches
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
      else window.location.assign(link.href);
    }
  },
};

// Rows: focus, selection ----------------------------------------------------------------------------------------------

const rows = {
  at: -1,

  get table() { return $("[data-rows]"); }, // a live page may put another one in its place

  all() { return this.table ? $$("tbody tr[data-row]", this.table) : []; },

  move(step) {
    const all = this.all();
    if (!all.length) return;
    all[this.at]?.classList.remove("at");
    this.at = Math.max(0, Math.min(this.at + step, all.length - 1));
    all[this.at].classList.add("at");
    all[this.at].scrollIntoView({ block: "nearest" });
    $("a.name", all[this.at])?.focus({ preventScroll: true });
  },

  // A live page drops the mark, but keeps the focus.
  mark() {
    const row = document.activeElement?.closest("tr[data-row]");
    if (!row) return;
    this.at = this.all().indexOf(row);
    row.classList.add("at");
  },

  open() { $("a.name", this.all()[this.at] ?? document.createElement("p"))?.click(); },

  toggle() {
    const box = $("input[type=checkbox]", this.all()[this.at] ?? document.createElement("p"));
    if (box) box.click();
  },

  start() {
    document.addEventListener("live-message", () => this.mark());
    if (!this.table) return;
    const bar = $("[data-selection]");
    const head = $("thead input[type=checkbox]", this.table);
    const boxes = () => $$("tbody input[type=checkbox]", this.table);
    const show = () => {
      const chosen = boxes().filter((box) => box.checked);
      for (const box of boxes()) box.closest("tr").classList.toggle("sel", box.checked);
      if (head) {
        head.checked = chosen.length > 0 && chosen.length === boxes().length;
        head.classList.toggle("some", chosen.length > 0 && !head.checked);
      }
      if (bar) {
        bar.hidden = chosen.length === 0;
        for (const number of $$("[data-selected-count]", bar)) number.textContent = String(chosen.length);
      }
      if (chosen.length) live.pause("selected");
      else if (live.isPaused && live.reason === "selected") live.resume();
    };
    this.table.addEventListener("change", (event) => {
      if (event.target === head) for (const box of boxes()) box.checked = head.checked;
      show();
    });
    $("[data-clear-selection]")?.addEventListener("click", () => {
      for (const box of boxes()) box.checked = false;
      show();
    });
    show();
  },
};

// Places --------------------------------------------------------------------------------------------------------------

// What is sent leads to a new page, which a browser shows from its top, also if it is the list that the reader came
// from. The pages that were left last keep how far they were scrolled, and the first return to one of them, after
// something was sent, goes there. Back and reload are the browser's own.
const places = {
  name: "leadhub-places",
  most: 5,
  isSent: false,

  get address() { return window.location.pathname + window.location.search; },

  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.name)) ?? [];
    } catch {
      return [];
    }
  },

  write(all) {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(all.slice(-this.most)));
    } catch {
      // Storage may be full or forbidden: then pages begin at their top.
    }
  },

  start() {
    this.restore();
    // On the window, which hears last: a question that was answered with no sends nothing.
    window.addEventListener("submit", (event) => {
      const method = event.submitter?.formMethod || event.target.method;
      if (method === "post" && !event.defaultPrevented) this.isSent = true;
    });
    window.addEventListener("pagehide", () => this.leave());
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.isSent = false; });
  },

  restore() {
    const all = this.read();
    const here = all.find(({ address }) => address === this.address);
    if (!here?.isDue) return;
    this.write(all.filter((one) => one !== here));
    const [navigation] = performance.getEntriesByType("navigation");
    if (navigation?.type === "navigate" && !window.location.hash) window.scrollTo({ top: here.top, behavior: "instant" });
  },

  leave() {
    const others = this.read().filter(({ address }) => address !== this.address);
    const due = others.map((one) => ({ ...one, isDue: one.isDue || this.isSent }));
    this.write([...due, { address: this.address, top: window.scrollY, isDue: this.isSent }]);
  },
};

// Keys ----------------------------------------------------------------------------------------------------------------

let pendingGo = 0;

function pressed(event) {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openDialog("palette");
    return;
  }
  if (event.key === "Escape" && $("[data-cancel]")) { $("[data-cancel]").click(); return; }
  if (event.key === "Escape" && isTyping && !event.target.closest("dialog")) event.target.blur();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (!document.body.hasAttribute("data-single-keys")) return;
  if (pendingGo && performance.now() - pendingGo < 1500) {
    pendingGo = 0;
    const link = $(`[data-go-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  const actions = {
    "/": () => openDialog("palette"),
    "?": () => openDialog("keys"),
    g: () => { pendingGo = performance.now(); },
    p: () => live.pill?.click(),
    t: () => $("[data-toggle=theme]")?.click(),
    u: () => $("button[name=time_zone][aria-pressed=false]")?.click(),
    j: () => rows.move(1),
    k: () => rows.move(-1),
    x: () => rows.toggle(),
    Enter: () => { if (event.target === document.body) rows.open(); },
    ".": () => $("[data-new-rows]:not([hidden])")?.click(),
    "]": () => $("[data-next-record]")?.click(),
    "[": () => $("[data-previous-record]")?.click(),
    ...Object.fromEntries($$("tr.at [data-row-key]").map((button) => [button.dataset.rowKey, () => button.click()])),
    ...Object.fromEntries($$("[data-key]").map((button) => [button.dataset.key, () => button.click()])),
  };
  if (Object.hasOwn(actions, event.key)) {
    if (event.key !== "Enter") event.preventDefault();
    actions[event.key]();
  }
}

// Copying -------------------------------------------------------------------------------------------------------------

// Over plain HTTP there is no clipboard API; a selected field and the old command do it there.
async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

function copying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copyText(button.dataset.copy || document.getElementById(button.dataset.copyFrom)?.textContent || "");
    const label = $("[data-copy-label]", button);
    if (label) {
      const before = label.textContent;
      label.textContent = button.dataset.copied;
      setTimeout(() => { label.textContent = before; }, 1500);
    }
  });
}

// A form that asks: the question is in `data-confirm`. Without scripts the server asks.
function confirming() {
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
}

// A select or a box with `data-submits` sends its form when it changes.
function submitting() {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
}

// A click on a value of a payload fills its path into the row of the mapping that was used last, else the first empty one.
function fillingPaths() {
  const form = $("form[data-mapper]");
  if (!form) return;
  let last = null;
  form.addEventListener("focusin", (event) => { last = event.target.closest(".map-row") ?? last; });
  form.addEventListener("click", (event) => {
    const value = event.target.closest("[data-fill-path]");
    if (!value) return;
    const paths = $$("input[name=path]", form);
    const field = (last && $("input[name=path]", last)) ?? paths.find((path) => !path.value) ?? paths[0];
    if (!field) return;
    field.value = value.dataset.fillPath;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    last = null;
    for (const other of $$(".fill.cur", form)) other.classList.remove("cur");
    value.classList.add("cur");
  });
}

rememberZone();
live.start();
countNewRows();
tellOfEndedJobs();
dialogsAndMenus();
numberToType();
paceForecast();
rows.start();
copying();
confirming();
submitting();
fillingPaths();
places.start();
document.addEventListener("keydown", pressed);
document.documentElement.classList.add("js");
