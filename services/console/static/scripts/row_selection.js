// Rows of a table: the one that keys act on, and those that are ticked.

import { $, $$ } from "./elements.js";
import { live } from "./live_region.js";

export const rows = {
  at: -1,

  get table() {
    return $("[data-rows]");
  }, // a live page may put another one in its place

  all() {
    return this.table ? $$("tbody tr[data-row]", this.table) : [];
  },

  move(step) {
    const all = this.all();
    if (!all.length) return;
    all[this.at]?.classList.remove("focused");
    this.at = Math.max(0, Math.min(this.at + step, all.length - 1));
    all[this.at].classList.add("focused");
    all[this.at].scrollIntoView({ block: "nearest" });
    $("a.name", all[this.at])?.focus({ preventScroll: true });
  },

  // A live page drops the mark, but keeps the focus.
  mark() {
    const row = document.activeElement?.closest("tr[data-row]");
    if (!row) return;
    this.at = this.all().indexOf(row);
    row.classList.add("focused");
  },

  open() {
    $("a.name", this.all()[this.at] ?? document.createElement("p"))?.click();
  },

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
      for (const box of boxes()) box.closest("tr").classList.toggle("selected", box.checked);
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
