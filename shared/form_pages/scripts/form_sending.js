// Sending a form: once, under a key of these answers, until there is an answer.

import { controlsOf, hiddenInput, setControls } from "./controls.js";
import { send } from "./delivery.js";
import { $$, emit, make } from "./elements.js";
import { placeIn } from "./form_places.js";
import { currentPage } from "./page_facts.js";
import { shared } from "./page_registry.js";
import { forget, keep, pendingRecords } from "./pending_posts.js";
import { showThanks } from "./thanks.js";
import { online, pause, randomKey } from "./values.js";

/** @import { Outcome } from "./delivery.js" */
/** @import { LiveForm } from "./live_form.js" */
/** @import { EarlierPost } from "./page_registry.js" */
/** @import { PendingPost } from "./pending_posts.js" */

// A form of the host, before its texts have come.
const FAILED_TEXT = "Not sent yet. Your answers are kept.";
const MAX_PROOF_SECONDS = 15;
const HIDDEN_NAMES = ["_key", "_page", "_attribution", "_source", "_token", "_altcha", "_language"];

/**
 * The answers of a form, and what tells them from other answers.
 * @param {HTMLFormElement} form
 */
function answersOf(form) {
  /** @type {[string, string][]} */
  const pairs = [];
  /** @type {[string, File][]} */
  const files = [];
  const marks = [];
  for (const [name, value] of new FormData(form)) {
    if (name[0] === "_") continue;
    if (!(value instanceof File)) {
      pairs.push([name, value]);
      marks.push([name, value]);
    } else if (value.name !== "") {
      files.push([name, value]);
      marks.push([name, value.name, value.size, value.lastModified]);
    }
  }
  return { pairs, files, mark: JSON.stringify(marks) };
}

export class FormSending {
  /** @param {LiveForm} live */
  constructor(live) {
    this.live = live;
    this.form = live.form;
    this.isBusy = false;
    /** @type {PendingPost | null} */
    this.record = null;
  }

  /** @param {boolean} isBusy */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    const mark = (/** @type {HTMLElement} */ element, /** @type {string} */ name) =>
      isBusy ? element.setAttribute(name, "true") : element.removeAttribute(name);
    mark(this.form, "aria-busy");
    // `disabled` would lose the focus.
    for (const one of $$("[type=submit]", this.form)) mark(one, "aria-disabled");
    this.showStatus(isBusy ? this.live.text("sending") : "");
  }

  /** @param {string} text */
  showStatus(text) {
    placeIn(this.form, "lh-status", "status").textContent = text;
  }

  async submit() {
    const { live, form } = this;
    // A double click sends once.
    if (this.isBusy) return;
    live.firstTouch.begin();
    live.errors.showSummary();
    if (!live.errors.check(live.fields) || !emit(form, "submit", { form_id: live.id })) return;
    this.setBusy(true);
    const { pairs, files, mark } = answersOf(form);
    // A key stands for one set of answers: the same answers go again under it, changed ones under another.
    const answers = { id: live.id, action: live.action, pairs, mark, hasFiles: files.length > 0 };
    const record = this.record?.mark === mark ? this.record : await this.begin({ ...answers, key: randomKey() });
    keep(record);
    await this.follow(send(record, files, () => this.showStatus(live.text("retrying"))));
  }

  /** @param {PendingPost} record */
  async begin(record) {
    if (this.record) forget(this.record);
    this.record = record;
    // The proof of work may take seconds; a reload must not lose the answers meanwhile.
    keep(record);
    await Promise.race([this.live.firstTouch.preparation, pause(MAX_PROOF_SECONDS)]);
    record.extra = this.hiddenPairs(record.key);
    return record;
  }

  /**
   * What goes with the answers. The key in the markup may have been cached, ours is new.
   * @param {string} key
   */
  hiddenPairs(key) {
    const { page_url: page, query, ...touches } = currentPage();
    /** @type {Record<string, string>} */
    const own = { _key: key, _page: page, _attribution: JSON.stringify({ ...touches, page_url: page }) };
    own._source = this.live.firstTouch.source;
    const pairs = HIDDEN_NAMES.map((name) => {
      const input = hiddenInput(this.form, name);
      input.value = own[name] || input.value;
      return /** @type {[string, string]} */ ([name, input.value]);
    });
    return pairs.filter(([, value]) => value);
  }

  /**
   * Shows what becomes of a post.
   * @param {Promise<Outcome>} job
   * @param {EarlierPost} [earlier] of an earlier page view
   */
  async follow(job, earlier) {
    const { live } = this;
    const { kind, said: answer } = await job;
    const height = this.form.offsetHeight;
    this.setBusy(false);
    if (kind !== "unsent") this.record = null;
    if (kind === "accepted") showThanks(live, answer, height, earlier);
    else if (kind === "invalid" && answer.errors) live.errors.show(answer.errors, answer.message || "");
    else if (kind === "unsent") await this.offerAgain();
    else live.errors.fail(answer.message || live.text("refused") || FAILED_TEXT);
  }

  async offerAgain() {
    const { live } = this;
    if (shared.isBlocked && this.record) return this.sendNatively();
    const again = make("button", { type: "button", className: "lh-retry" }, live.text("try_again") || "↻");
    const pressed = new Promise((resolve) => again.addEventListener("click", resolve, { once: true }));
    live.errors.fail(live.text("failed") || FAILED_TEXT, again);
    await Promise.race([pressed, online()]);
    if (again.isConnected) await this.submit();
    return undefined;
  }

  // The host's policy forbids our requests, but a form may still be posted. Its page is the answer then.
  sendNatively() {
    if (this.record) forget(this.record);
    HTMLFormElement.prototype.submit.call(this.form);
  }

  // What an earlier page view left unanswered. A dialog that is opened afterwards is for other answers.
  restore() {
    const { id } = this.live;
    const earlier = shared.resumed.get(id);
    const record = earlier ? earlier.record : pendingRecords(id).find((one) => one.hasFiles);
    if (!record || (earlier?.isTold && this.form.closest("dialog"))) return;
    shared.resumed.delete(id);
    this.record = record;
    for (const name of new Set(record.pairs.map(([one]) => one))) {
      const values = record.pairs.filter(([one]) => one === name).map(([, value]) => value);
      setControls(controlsOf(this.form, name), values);
    }
    this.live.refresh();
    if (!earlier) {
      this.live.errors.showSummary(this.live.text("files_again"));
      return;
    }
    earlier.isTaken = true;
    this.setBusy(true);
    this.follow(earlier.job, earlier);
  }
}
