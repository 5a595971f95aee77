// A form that lives: it shows fields and steps as the answers have it, and is sent without leaving the page.

import { conditionMatches, isEmpty } from "./conditions.js";
import { controlValues, setControls } from "./controls.js";
import { $$, emit, toggle } from "./elements.js";
import { FirstTouch } from "./first_touch.js";
import { FormErrors } from "./form_errors.js";
import { fieldsOf } from "./form_field.js";
import { FormSending } from "./form_sending.js";
import { FormSteps } from "./form_steps.js";
import { currentPage } from "./page_facts.js";
import { base } from "./this_script.js";
import { parseJson, webAddress } from "./values.js";

/** @import { Control } from "./controls.js" */
/** @import { Field } from "./form_field.js" */

export class LiveForm {
  /**
   * @param {HTMLFormElement} form
   * @param {string} id the form's public id
   * @param {HTMLElement | null} box the element of the page whose attributes count
   */
  constructor(form, id, box) {
    this.form = form;
    this.id = id;
    this.box = box;
    this.isOurs = form.classList.contains("lh-form");
    /** @type {Record<string, string>} */
    this.texts = parseJson(form.dataset.messages) || {};
    this.action = webAddress(form.getAttribute("action"), document.baseURI) || base + id;
    this.fields = this.isOurs ? fieldsOf(form) : [];
    this.byKey = new Map(this.fields.map((field) => [field.key, field]));
    this.steps = new FormSteps(this);
    this.errors = new FormErrors(this);
    this.firstTouch = new FirstTouch(this);
    this.sending = new FormSending(this);
    this.start();
  }

  start() {
    const { form, steps } = this;
    // A form of the host keeps the browser's own checks and bubbles.
    if (this.isOurs) form.noValidate = true;
    this.listen();
    this.prefill();
    this.refresh();
    const wrong = this.fields.find((field) => field.box.querySelector(".lh-error:not([hidden])"));
    steps.show(wrong ? steps.stepOf(wrong) : 0, false);
    form.dataset.live = "";
    // The visitor was quicker than this script.
    const root = /** @type {Document | ShadowRoot} */ (form.getRootNode());
    if (form.contains(root.activeElement)) this.firstTouch.begin();
    emit(form, "ready", { form_id: this.id });
    this.sending.restore();
  }

  listen() {
    const { form, firstTouch, sending, steps } = this;
    for (const name of ["focusin", "pointerdown", "input"]) form.addEventListener(name, () => firstTouch.begin());
    for (const name of ["input", "change"]) {
      form.addEventListener(name, ({ target }) => {
        this.errors.clear(/** @type {Control} */ (target).name);
        this.refresh();
      });
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (steps.next() !== null) this.goOn();
      // Whatever is wrong with this script, the answers arrive.
      else sending.submit().catch(() => sending.sendNatively());
    });
    for (const one of $$("[data-next]", form)) one.addEventListener("click", () => this.goOn());
    for (const one of $$("[data-back]", form)) one.addEventListener("click", () => steps.show(steps.next(-1), true));
    addEventListener("pageshow", (event) => event.persisted && sending.setBusy(false));
  }

  /**
   * A text of `data-messages`. A form of the host learns them on the first touch.
   * @param {string} name
   * @param {Record<string, string | number | undefined>} [values]
   */
  text(name, values = {}) {
    return (this.texts[name] || "").replace(/\{(\w+)\}/g, (whole, one) =>
      one in values ? String(values[one]) : whole,
    );
  }

  prefill() {
    const query = new URLSearchParams(currentPage().query);
    // Nobody agrees by following a link.
    const isFilled = (/** @type {Field} */ field) =>
      field.isPrefilled && field.type !== "consent" && query.has(field.key);
    for (const field of this.fields.filter(isFilled)) {
      const isUntouched = isEmpty(controlValues(field.controls).filter(Boolean));
      if (isUntouched) setControls(field.controls, query.getAll(field.key));
    }
  }

  /**
   * @param {Field} field
   * @returns {boolean}
   */
  isShown(field) {
    if (!field.showIf) return true;
    return conditionMatches(field.showIf, (key) => {
      // Conditions name earlier fields only, so this ends.
      const other = this.byKey.get(key);
      return other && this.isShown(other) ? other.value : undefined;
    });
  }

  // Shows the fields whose conditions hold for the answers, and hides the others.
  refresh() {
    for (const field of this.fields.filter((one) => one.showIf)) {
      const isShown = this.isShown(field);
      if (field.type !== "hidden") toggle(field.box, isShown);
      // So that it is not sent.
      for (const control of field.controls) control.disabled = !isShown;
    }
    this.steps.showProgress();
  }

  // Shows the next step, if the answers of this one are right.
  goOn() {
    const { steps } = this;
    const next = steps.next();
    this.firstTouch.begin();
    if (next !== null && this.errors.check(steps.fieldsOn(steps.at))) steps.show(next, true);
  }
}
