// The form builder: it saves while somebody types, lets fields be dragged, and keeps the preview in step. Each button
// works without it. The server answers with the parts of the page that changed; htmx puts them in place.

const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];

const SAVE_DELAY = 600; // ms after the last key
const RETRY_DELAY = 5000; // ms after a save that failed
const form = $("form[data-builder]");
const mayChange = form.hasAttribute("hx-post");

// Saving --------------------------------------------------------------------------------------------------------------

// One save at a time: each is based on the revision that the one before it made.
const saving = {
  timer: 0,
  isBusy: false,
  isDirty: false,
  waiting: [], // what to do once nothing is being saved
  savedAt: 0,

  start() {
    form.addEventListener("input", () => this.touch());
    form.addEventListener("change", () => this.touch());
    form.addEventListener("submit", (event) => this.hold(event), true);
    document.addEventListener("htmx:before:request", (event) => {
      if (event.target === form) this.begin();
    });
    document.addEventListener("htmx:finally:request", (event) => {
      if (event.target === form) this.end(event);
    });
    window.addEventListener("pagehide", () => this.leave());
    for (const other of $$("form[data-after-save]"))
      other.addEventListener("submit", (event) => this.after(event, other));
    const saved = $("[data-saved]");
    this.savedAt = performance.now() - (saved ? Math.max(Date.now() - saved.dataset.saved * 1000, 0) : 0);
    setInterval(() => this.showAge(), 1000);
  },

  touch() {
    this.isDirty = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), SAVE_DELAY);
  },

  flush() {
    if (!this.isDirty || this.isBusy || this.isStopped) return;
    form.dispatchEvent(new Event("autosave"));
  },

  // After a conflict nothing is saved until the reader has chosen.
  get isStopped() {
    return form.hasAttribute("data-stopped");
  },

  // A button that is pressed during a save waits for its end.
  hold(event) {
    if (!this.isBusy) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const value = event.submitter?.value;
    this.waiting.push(() => press(value ?? "save"));
  },

  after(event, other) {
    if (!this.isBusy && !this.isDirty) return;
    event.preventDefault();
    this.waiting.push(() => other.requestSubmit());
    this.flush();
  },

  begin() {
    clearTimeout(this.timer);
    this.isBusy = true;
    this.isDirty = false;
    this.before = this.revision;
    const state = $("#draft-state > span");
    if (state?.dataset.saving) state.textContent = state.dataset.saving;
  },

  end(event) {
    this.isBusy = false;
    const status = event.detail?.ctx?.response?.raw?.status ?? 0;
    if (status !== 200) return this.fail();
    form.toggleAttribute("data-stopped", Boolean($("#draft-problems .banner-bad [value=force]")));
    if (this.revision !== this.before) {
      this.savedAt = performance.now();
      stage.reload();
    }
    fields.settle();
    for (const node of $$("[aria-describedby^=p-]", form)) {
      node.toggleAttribute(
        "aria-invalid",
        Boolean(document.getElementById(node.getAttribute("aria-describedby"))?.textContent),
      );
      if (node.hasAttribute("aria-invalid")) node.setAttribute("aria-invalid", "true");
    }
    const next = this.waiting.shift();
    if (next) next();
    else if (this.isDirty) this.touch();
  },

  fail() {
    this.waiting = [];
    this.isDirty = true;
    const state = $("#draft-state");
    if (state) state.textContent = form.dataset.failed;
    this.timer = setTimeout(() => this.flush(), RETRY_DELAY);
  },

  // What was typed in the last moment before another page is sent along.
  leave() {
    if (!this.isDirty || this.isStopped) return;
    this.isDirty = false;
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true });
  },

  get revision() {
    return $("input[name=revision]", form)?.value;
  },

  showAge() {
    const saved = $("#draft-state [data-saved]");
    if (!saved || this.isBusy) return;
    const seconds = Math.round((performance.now() - this.savedAt) / 1000);
    if (seconds < 2) saved.textContent = saved.dataset.now;
    else if (seconds < 60) saved.textContent = saved.dataset.seconds.replace("{n}", seconds);
    else if (seconds < 3600) saved.textContent = saved.dataset.minutes.replace("{n}", Math.floor(seconds / 60));
  },
};

// Sends the form as a button with that action does.
function press(action) {
  const button = $("button[data-do]", form);
  button.value = action;
  form.requestSubmit(button);
}

// Fields --------------------------------------------------------------------------------------------------------------

const fields = {
  focus: null, // what gets the focus after the next save: `list` or `label`

  start() {
    form.addEventListener("change", (event) => {
      if (event.target.matches("[data-rules]")) this.askOther(event.target);
    });
    form.addEventListener("pointerdown", (event) => this.lift(event));
    form.addEventListener("keydown", (event) => this.key(event));
    form.addEventListener("submit", (event) => {
      const action = event.submitter?.value ?? "";
      if (action.startsWith("add:")) this.focus = "label";
      if (action.startsWith("open:")) this.focus = "open";
      if (/^(up|down|move):/.test(action)) this.focus ??= "list";
      for (const menu of $$("details.add-field[open]", form)) menu.open = false;
    });
  },

  // A line that asks about another question, or in another way, gets the answers to choose from. What was asked of the
  // question before means nothing to this one.
  askOther(select) {
    if (select.name === "rule_field") $(".rule-value", select.parentNode)?.remove();
    const line = $$(".rule-row", form).indexOf(select.parentNode);
    this.focus = `.rule-row:nth-of-type(${line + 1}) [name=${select.name}]`;
    press("rules");
  },

  place() {
    return Number($("input[name=field]", form)?.value || -1);
  },

  settle() {
    const wanted = this.focus;
    this.focus = null;
    const button = $(`[data-place="${this.place()}"] button`, form);
    const key = $("#i-f_key")?.value;
    if (key) $("#i-f_custom").placeholder = key;
    if (wanted?.startsWith(".")) $(wanted, form)?.focus();
    if (wanted === "list") button?.focus();
    if (wanted === "label") $("#i-f_label")?.select();
    if (wanted === "open" && matchMedia("(max-width: 60rem)").matches)
      $("#open-field")?.scrollIntoView({ block: "start" });
  },

  key(event) {
    const row = event.target.closest("[data-place]");
    if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    this.focus = "list";
    press(`${event.key === "ArrowUp" ? "up" : "down"}:${row.dataset.place}`);
  },

  // Drag with a mouse, a pen or a finger: the row moves in the list at once, and is saved where it is put down.
  lift(event) {
    const grip = event.target.closest("[data-grip]");
    if (!grip || event.button) return;
    event.preventDefault();
    const row = grip.closest("[data-place]");
    const from = Number(row.dataset.place);
    const list = row.parentNode;
    row.classList.add("lifted");
    grip.setPointerCapture(event.pointerId);
    const move = (moved) => {
      const other = $$("[data-place]", list).find((one) => {
        const box = one.getBoundingClientRect();
        return one !== row && moved.clientY > box.top && moved.clientY < box.bottom;
      });
      if (!other) return;
      // The others move, since a row that is taken out of the page loses the pointer.
      const isBelow = Boolean(row.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING);
      let next;
      do {
        next = isBelow ? row.nextElementSibling : row.previousElementSibling;
        row[isBelow ? "before" : "after"](next);
      } while (next !== other);
    };
    const drop = (dropped) => {
      grip.removeEventListener("pointermove", move);
      row.classList.remove("lifted");
      const to = $$("[data-place]", list).indexOf(row);
      if (dropped.type === "pointerup" && to !== from) press(`move:${from}-${to}`);
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", drop, { once: true });
    grip.addEventListener("pointercancel", drop, { once: true });
  },
};

// Preview and tabs ----------------------------------------------------------------------------------------------------

const stage = {
  frame: $("[data-frame] iframe"),

  start() {
    form.addEventListener("click", (event) => {
      const chosen = event.target.closest("[data-stage]");
      if (chosen) this.choose(event, chosen);
    });
    for (const tab of $$("[data-tab-of]")) tab.addEventListener("click", (event) => this.open(event, tab));
    const colour = $("input[name=s_accent]", form);
    colour?.addEventListener("input", () => {
      for (const one of $$(".swatch", form))
        one.setAttribute("aria-pressed", String(one.value === `accent:${colour.value}`));
    });
  },

  // Once more, in the language and the mode that are chosen now.
  reload() {
    const query = new URLSearchParams();
    for (const part of ["language", "mode"]) query.set(part, $(`input[type=hidden][name=${part}]`, form).value);
    this.frame.contentWindow.location.replace(`${this.frame.dataset.source}?${query}`);
  },

  choose(event, chosen) {
    event.preventDefault();
    const name = chosen.name || chosen.dataset.name;
    const value = chosen.value || chosen.dataset.value;
    for (const one of $$("[data-stage]", chosen.parentNode)) one.setAttribute("aria-pressed", String(one === chosen));
    $(`input[type=hidden][name=${name}]`, form).value = value;
    if (name === "width") return this.frame.parentNode.classList.toggle("phone-width", value === "phone");
    this.reload();
  },

  open(event, tab) {
    event.preventDefault();
    const name = tab.getAttribute("aria-controls").replace("part-", "");
    form.dataset.tab = name;
    $("input[type=hidden][name=tab]", form).value = name;
    for (const one of $$("[data-tab-of]")) one.setAttribute("aria-selected", String(one === tab));
  },
};

stage.start();
if (mayChange) {
  saving.start();
  fields.start();
}
