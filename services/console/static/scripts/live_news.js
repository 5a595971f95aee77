// What streams tell beside their figures: new rows of a list, and jobs of the reader that ended.

import { $ } from "./elements.js";

// New rows are only counted: a button shows how many, and a click reloads the list.
export function countNewRows() {
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
export function announceEndedJobs() {
  document.addEventListener("job-ended", (event) => announceEndedJob(JSON.parse(event.detail.data)));
}

function announceEndedJob(said) {
  const told = `leadhub-job-${said.id}`;
  if (sessionStorage.getItem(told)) return;
  // The answer to what the reader has just done, which may hold an "Undo", stays until it goes by itself.
  if ($("[data-toast='']")) {
    setTimeout(() => announceEndedJob(said), 1000);
    return;
  }
  sessionStorage.setItem(told, "told");
  if (window.location.pathname === said.link) return;
  $("[data-toast]")?.remove();
  const toast = Object.assign(document.createElement("div"), { className: "toast floating" });
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
