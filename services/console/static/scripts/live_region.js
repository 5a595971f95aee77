// The part of a page that a stream keeps up to date, and the pill that says how old it is.

import { LiveFeed } from "../live_page.js";
import { $ } from "./elements.js";

/** @import { Message } from "../live_feeds.js" */

const OLD_SECONDS = 5; // after which the pill says that news are late
const LOST_SECONDS = 15; // after which it says that they do not come

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
  /** @type {LiveFeed | null} */
  feed: null,

  start() {
    if (!this.stream) return;
    const { liveStream: url = "", liveReader: reader = "" } = this.stream.dataset;
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

  /** @param {Message} message */
  async hear({ event, data, status }) {
    this.isFull = status === 429;
    if (status === 401 || event === "signed-out") this.end();
    else if (event) document.dispatchEvent(new CustomEvent(event, { detail: { data } }));
    else if (data !== undefined) await this.replace(data);
    if (status !== undefined) return;
    this.heardAt = performance.now();
    this.show();
    document.dispatchEvent(new CustomEvent("live-message"));
  },

  /** @param {string} text */
  async replace(text) {
    const query = this.stream?.dataset.liveTarget;
    if (!this.stream || !query) return;
    const target = $(query);
    await window.htmx.swap({ sourceElement: this.stream, target, swap: "innerMorph swapEmpty:false", text });
  },

  /** @param {"paused" | "selected"} reason the name of the text that the pill has for it */
  pause(reason) {
    if (this.isPaused || this.hasEnded || !this.stream) return;
    this.isPaused = true;
    this.reason = reason;
    this.feed?.watch(false);
    this.show();
  },

  resume() {
    if (!this.isPaused || this.hasEnded) return;
    this.isPaused = false;
    this.seenAt = performance.now();
    this.feed?.watch(true);
    this.show();
  },

  end() {
    this.hasEnded = true;
    this.feed?.watch(false);
    this.show();
  },

  show() {
    if (!this.pill) return;
    const waited = (performance.now() - Math.max(this.heardAt, this.seenAt)) / 1000;
    const isLost = !this.isPaused && waited > LOST_SECONDS;
    this.pill.classList.toggle("paused", this.isPaused || (!isLost && waited > OLD_SECONDS));
    this.pill.classList.toggle("lost", isLost || this.isFull || this.hasEnded);
    this.pill.textContent = this.pillText(this.pill.dataset, isLost);
    this.pill.setAttribute("aria-pressed", String(this.isPaused));
  },

  /**
   * @param {DOMStringMap} words
   * @param {boolean} isLost
   */
  pillText(words, isLost) {
    if (this.hasEnded) return words.ended ?? "";
    if (this.isPaused) return words[this.reason] ?? "";
    if (this.isFull) return words.full ?? "";
    const seconds = Math.round((performance.now() - this.heardAt) / 1000);
    return `${isLost ? words.lost : words.live} · ${seconds} ${words.seconds}`;
  },
};
