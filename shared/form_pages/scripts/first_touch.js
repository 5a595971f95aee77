// The first touch of a form: it is counted, and the token is fetched. Pages are cached, and the token's time must be
// this visitor's.

import { hiddenInput } from "./controls.js";
import { $$, emit } from "./elements.js";
import { fragmentOf, parseHtml } from "./fragments.js";
import { counted, currentSource } from "./page_facts.js";
import { solve } from "./proof_of_work.js";
import { parseJson } from "./values.js";

/** @import { LiveForm } from "./live_form.js" */

export class FirstTouch {
  /** @param {LiveForm} live */
  constructor(live) {
    this.live = live;
    /** @type {Promise<void> | null} */
    this.preparation = null;
  }

  // A page of ours was counted when it was made, and says where.
  get source() {
    return hiddenInput(this.live.form, "_source").value || currentSource();
  }

  begin() {
    const { form, id } = this.live;
    // In a preview nothing is counted, and nothing can be sent.
    if (this.preparation || "preview" in form.dataset) return;
    emit(form, "start", { form_id: id });
    // Without a token the server judges by other signs.
    this.preparation = this.prepare().catch(() => {});
  }

  async prepare() {
    const { form, id, isOurs } = this.live;
    if (!isOurs) this.learnTexts();
    const { token, challenge } = await (await fetch(counted(`${id}/token`, this.source))).json();
    const input = hiddenInput(form, "_token");
    // A page of ours has one from when it was made. A challenge belongs to the token that came with it.
    if (token && (challenge || !input.value)) input.value = token;
    if (challenge) hiddenInput(form, "_altcha").value = await solve(challenge);
  }

  // A form of the host has no texts of ours.
  learnTexts() {
    fragmentOf(this.live.id).then(
      ({ html }) => {
        const [form] = $$("form", parseHtml(html));
        if (form) this.live.texts = parseJson(form.dataset.messages) || {};
      },
      () => {},
    );
  }
}
