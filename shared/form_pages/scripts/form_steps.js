// The steps of a form: which of them have something to show, and which one is shown.

import { $$, emit, toggle } from "./elements.js";

/** @import { Field } from "./form_field.js" */
/** @import { LiveForm } from "./live_form.js" */

export class FormSteps {
  /** @param {LiveForm} live */
  constructor(live) {
    this.live = live;
    this.all = live.isOurs ? $$(".lh-step", live.form) : [];
    this.at = 0;
  }

  /** @param {Field} field */
  stepOf(field) {
    return Math.max(0, this.all.indexOf(/** @type {HTMLElement} */ (field.box.closest(".lh-step"))));
  }

  /** @param {number} index */
  fieldsOn(index) {
    return this.live.fields.filter((field) => this.stepOf(field) === index);
  }

  // The steps that have something to show, by number.
  shown() {
    const isUsed = (/** @type {number} */ index) => {
      const own = this.fieldsOn(index);
      return !own.length || own.some((field) => field.type !== "hidden" && this.live.isShown(field));
    };
    return this.all.map((_, index) => index).filter(isUsed);
  }

  /**
   * The number of the step after this one, or before it, or null.
   * @param {1 | -1} [by]
   */
  next(by = 1) {
    const shown = this.shown();
    const next = shown[shown.indexOf(this.at) + by];
    return next === undefined ? null : next;
  }

  /**
   * @param {number | null} index
   * @param {boolean} isMove whether the visitor goes there, with the focus
   */
  show(index, isMove) {
    if (this.all.length < 2 || index === null) return;
    this.at = index;
    for (const [number, step] of this.all.entries()) toggle(step, number === index);
    this.showProgress();
    if (!isMove) return;
    this.live.errors.showSummary();
    const step = this.all[index];
    step.tabIndex = -1;
    step.focus();
    emit(this.live.form, "step", { form_id: this.live.id, step: index + 1 });
  }

  showProgress() {
    if (this.all.length < 2) return;
    const { form } = this.live;
    const shown = this.shown();
    const isLast = this.next() === null;
    for (const one of $$("[data-back]", form)) toggle(one, this.next(-1) !== null);
    for (const one of $$("[data-next]", form)) toggle(one, !isLast);
    for (const one of $$("[type=submit]", form)) toggle(one, isLast);
    /** @type {HTMLElement | null} */
    const place = form.querySelector(".lh-progress");
    if (!place) return;
    const text = this.live.text("progress", { step: shown.indexOf(this.at) + 1, total: shown.length });
    if (place.textContent !== text) place.textContent = text;
    toggle(place, shown.length > 1);
  }
}
