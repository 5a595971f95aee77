// What streams tell beside their figures: new rows of a list, and jobs of the reader that ended.

import { $, make } from "./elements.js";
import { removeToast, removeToastLater } from "./focus_return.js";

/**
 * A job that has ended, as its reader is told.
 * @typedef {{id: string, link: string, text: string, label: string, close: string, isGood: boolean}} EndedJob
 */

/**
 * The JSON that a message of the stream holds.
 * @param {Event} event
 */
const newsOf = (event) => JSON.parse(/** @type {CustomEvent<{data: string}>} */ (event).detail.data);

// New rows are only counted: a button shows how many, and a click reloads the list.
export function countNewRows() {
  document.addEventListener("new-rows", (event) => {
    const bar = $("[data-new-rows]");
    if (!bar) return;
    const news = newsOf(event);
    bar.hidden = !Number(news.count);
    const text = $("[data-new-text]", bar);
    if (text) text.textContent = news.text;
  });
}

// A job of the reader ended while they look at another page: a toast says so, once in this window.
export function announceEndedJobs() {
  document.addEventListener("job-ended", (event) => announceEndedJob(newsOf(event)));
}

/** @param {EndedJob} job */
function announceEndedJob(job) {
  const storageName = `leadhub-job-${job.id}`;
  if (sessionStorage.getItem(storageName)) return;
  // The answer to what the reader has just done, which may hold an "Undo", stays until it goes by itself.
  if ($("[data-toast='']")) {
    setTimeout(() => announceEndedJob(job), 1000);
    return;
  }
  sessionStorage.setItem(storageName, "told");
  if (window.location.pathname === job.link) return;
  removeToast($("[data-toast]"));
  const toast = jobToast(job);
  document.body.append(toast);
  if (job.isGood) removeToastLater(toast, 6000); // bad news stay until they are closed
}

/** @param {EndedJob} job */
function jobToast(job) {
  const toast = make("div", { className: "toast floating" });
  toast.setAttribute("role", "status");
  toast.dataset.toast = "job";
  const close = make("button", { type: "button", textContent: job.close });
  close.dataset.dismiss = "toast";
  toast.append(
    make("span", { textContent: job.text }),
    make("a", { className: "link", href: job.link, textContent: job.label }),
    close,
  );
  return toast;
}
