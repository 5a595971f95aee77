// The palette: what a search finds, to be chosen by keys.

import { $, $$ } from "./elements.js";

export const palette = {
  request: null,

  opened(dialog) {
    this.dialog = dialog;
    this.input = $("input[name=q]", dialog);
    this.results = $("[role=listbox]", dialog);
    if (!dialog.dataset.ready) {
      dialog.dataset.ready = "yes";
      this.input.addEventListener("input", () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.search(), 120);
      });
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
    this.results.replaceChildren(
      ...groups.map((group, number) => {
        const box = document.createElement("div");
        box.setAttribute("role", "group");
        box.setAttribute("aria-labelledby", `palette-group-${number}`);
        const title = Object.assign(document.createElement("h3"), {
          id: `palette-group-${number}`,
          textContent: group.title,
        });
        title.setAttribute("role", "presentation");
        const list = document.createElement("ul");
        list.setAttribute("role", "none");
        list.append(...group.rows.map((row) => this.row(row)));
        box.append(title, list);
        return box;
      }),
    );
    this.choose(0);
  },

  row(row) {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.id = `palette-row-${Math.random().toString(36).slice(2)}`;
    const link = Object.assign(document.createElement("a"), { href: row.href, tabIndex: -1 });
    const text = Object.assign(document.createElement("bdi"), { textContent: row.text });
    const detail = Object.assign(document.createElement("span"), {
      className: "faint text-2",
      textContent: row.detail ?? "",
    });
    const side = Object.assign(document.createElement("span"), { className: "push", textContent: row.side ?? "" });
    link.append(text, detail, side);
    item.append(link);
    return item;
  },

  options() {
    return $$("[role=option]", this.results);
  },

  choose(index) {
    const options = this.options();
    this.at = Math.max(0, Math.min(index, options.length - 1));
    for (const [number, option] of options.entries()) {
      option.setAttribute("aria-selected", String(number === this.at));
    }
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
