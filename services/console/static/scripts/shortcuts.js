// Keys. Single ones act only where the reader wants them.

import { openDialog } from "./dialogs.js";
import { $, $$ } from "./elements.js";
import { live } from "./live_region.js";
import { rows } from "./row_selection.js";

let pendingGo = 0;

/** Does what a key stands for. */
export function handleKey(event) {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openDialog("palette");
    return;
  }
  if (event.key === "Escape" && $("[data-cancel]")) {
    $("[data-cancel]").click();
    return;
  }
  if (event.key === "Escape" && isTyping && !event.target.closest("dialog")) event.target.blur();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (!document.body.hasAttribute("data-single-keys")) return;
  if (pendingGo && performance.now() - pendingGo < 1500) {
    pendingGo = 0;
    const link = $(`[data-go-key="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  const actions = {
    "/": () => openDialog("palette"),
    "?": () => openDialog("keys"),
    g: () => {
      pendingGo = performance.now();
    },
    p: () => live.pill?.click(),
    t: () => $("[data-toggle=theme]")?.click(),
    u: () => $("button[name=time_zone][aria-pressed=false]")?.click(),
    j: () => rows.move(1),
    k: () => rows.move(-1),
    x: () => rows.toggle(),
    Enter: () => {
      if (event.target === document.body) rows.open();
    },
    ".": () => $("[data-new-rows]:not([hidden])")?.click(),
    "]": () => $("[data-next-record]")?.click(),
    "[": () => $("[data-previous-record]")?.click(),
    ...Object.fromEntries(
      $$("tr.focused [data-row-key]").map((button) => [button.dataset.rowKey, () => button.click()]),
    ),
    ...Object.fromEntries($$("[data-key]").map((button) => [button.dataset.key, () => button.click()])),
  };
  if (Object.hasOwn(actions, event.key)) {
    if (event.key !== "Enter") event.preventDefault();
    actions[event.key]();
  }
}
