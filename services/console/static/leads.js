// The list of leads: columns are moved by drag, by buttons and by keys; `/` goes to the search of the list.

const $ = (query, root = document) => root.querySelector(query);
const $$ = (query, root = document) => [...root.querySelectorAll(query)];

const columns = {
  form: $("form[data-columns]"),

  rows() {
    return $$("[data-column]", this.form);
  },

  move(row, step) {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other?.matches("[data-column]")) return;
    if (step < 0) other.before(row);
    else other.after(row);
  },

  start() {
    if (!this.form) return;
    this.form.addEventListener("click", (event) => {
      const mover = event.target.closest("button[name=up], button[name=down]");
      if (!mover) return;
      event.preventDefault();
      this.move(mover.closest("[data-column]"), mover.name === "up" ? -1 : 1);
      mover.focus();
    });
    this.form.addEventListener("keydown", (event) => {
      const row = event.target.closest("[data-column]");
      if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
      event.preventDefault();
      const focused = document.activeElement;
      this.move(row, event.key === "ArrowUp" ? -1 : 1);
      focused.focus();
    });
    $("[data-column-find]", this.form)?.addEventListener("input", (event) => {
      const text = event.target.value.trim().toLowerCase();
      for (const row of this.rows()) row.hidden = !row.textContent.toLowerCase().includes(text);
    });
    $("[data-column-find]", this.form)?.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
    this.dragging();
  },

  dragging() {
    let dragged = null;
    this.form.addEventListener("dragstart", (event) => {
      dragged = event.target.closest("[data-column]");
    });
    this.form.addEventListener("dragend", () => {
      dragged = null;
    });
    this.form.addEventListener("dragover", (event) => {
      const row = event.target.closest("[data-column]");
      if (!dragged || !row || row === dragged) return;
      event.preventDefault();
      const box = row.getBoundingClientRect();
      if (event.clientY < box.top + box.height / 2) row.before(dragged);
      else row.after(dragged);
    });
  },
};

columns.start();
// Ahead of the palette's key, which every page has.
document.addEventListener(
  "keydown",
  (event) => {
    const field = $("[data-find]");
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || !field || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if ($("dialog[open]") || !document.body.hasAttribute("data-single-keys")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.focus();
    field.select();
  },
  true,
);
