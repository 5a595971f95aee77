// The part of a page that a stream keeps up to date, and the pill that says how old it is.

import { LiveFeed } from "./../live_page.js";
import { $ } from "./elements.js";

// An element with `data-live-stream` names the address of a stream, and the part of the page that it replaces, if it
// replaces one. The age counts from the last message, or from the load of the page.
export const live = {
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
    document.addEventListener("visibilitychange", () => {
      this.seenAt = performance.now();
    });
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
