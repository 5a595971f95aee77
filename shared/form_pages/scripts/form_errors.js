// What is wrong with the answers, at the fields and above the form.

import { controlsOf } from "./controls.js";
import { $$, emit, make, toggle } from "./elements.js";
import { placeIn } from "./form_places.js";

/** @import { Field } from "./form_field.js" */
/** @import { LiveForm } from "./live_form.js" */

export class FormErrors {
  /** @param {LiveForm} live */
  constructor(live) {
    this.live = live;
    this.form = live.form;
  }

  /**
   * Whether the fields that are shown are right. Errors of others stay.
   * @param {Field[]} fields
   */
  check(fields) {
    /** @type {Record<string, string[]>} */
    const errors = {};
    for (const field of fields) {
      this.clear(field.key);
      const [name, values] = (this.live.isShown(field) && field.problem) || [];
      if (name) errors[field.key] = [this.live.text(name, values)];
    }
    const isRight = !Object.keys(errors).length;
    if (!isRight) this.show(errors, "");
    return isRight;
  }

  /**
   * Shows a text at a field, or takes it away. A form of the host gets a place for it. Returns whether there is one.
   * @param {string} key
   * @param {string} text
   */
  set(key, text) {
    const controls = controlsOf(this.form, key);
    const slot = this.slotOf(key) || (text && controls.length ? addSlot(key, controls[0]) : null);
    if (!slot) return false;
    slot.textContent = text;
    toggle(slot, Boolean(text));
    const field = this.live.byKey.get(key);
    for (const one of field?.group ? [field.group] : controls) {
      if (text) one.setAttribute("aria-invalid", "true");
      else one.removeAttribute("aria-invalid");
    }
    return true;
  }

  /** @param {string} key */
  slotOf(key) {
    return $$(".lh-error", this.form).find((one) => one.id === `lh-${key}-error`);
  }

  /** @param {string} key */
  clear(key) {
    if (key) this.set(key, "");
  }

  /**
   * @param {Record<string, string[]>} errors texts by field key, "" for the whole form
   * @param {string} text said if no field is to blame
   */
  show(errors, text) {
    const keys = Object.keys(errors).filter((key) => this.set(key, errors[key].join(" ")));
    const others = Object.keys(errors).filter((key) => !keys.includes(key));
    const { fields, steps } = this.live;
    const field = fields.find((one) => keys.includes(one.key));
    if (field) steps.show(steps.stepOf(field), false);
    const links = keys.map((key) => make("li", {}, this.linkTo(key)));
    /** @type {HTMLElement[]} */
    const more = others.flatMap((key) => errors[key]).map((one) => make("p", {}, one));
    if (keys.length) more.push(make("ul", {}, ...links));
    const title = make("b", {}, this.live.text("summary") || text);
    this.showSummary(title, ...more);
    emit(this.form, "error", { form_id: this.live.id, fields: keys });
  }

  /**
   * Links by `#id` do not reach into a shadow root.
   * @param {string} key
   */
  linkTo(key) {
    const { byKey, steps } = this.live;
    const field = byKey.get(key);
    const [control] = controlsOf(this.form, key);
    const label = field?.group ? field.group.querySelector("legend") : (control.labels || [])[0];
    const words = label ? String((label.querySelector("span") || label).textContent) : key;
    const link = make("a", { href: `#lh-${key}`, dir: "auto" }, words.trim().replace(/:$/, ""));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      if (field) steps.show(steps.stepOf(field), false);
      control.focus();
    });
    return link;
  }

  /**
   * Shows what is said above the form and moves the focus there. Without a title it is empty.
   * @param {Node | string} [title]
   * @param {(Node | string)[]} more
   */
  showSummary(title, ...more) {
    const place = placeIn(this.form, "lh-summary", "alert");
    place.replaceChildren(...(title ? [make("p", {}, title), ...more] : []));
    toggle(place, Boolean(title));
    if (title) place.focus();
  }

  /**
   * Says that the form was not sent.
   * @param {string} text
   * @param {(Node | string)[]} more
   */
  fail(text, ...more) {
    this.showSummary(text, ...more);
    emit(this.form, "error", { form_id: this.live.id, fields: [] });
  }
}

/**
 * @param {string} key
 * @param {HTMLElement} control
 */
function addSlot(key, control) {
  const slot = make("p", { id: `lh-${key}-error`, className: "lh-error" });
  (control.closest("label") || control).after(slot);
  control.setAttribute("aria-describedby", slot.id);
  return slot;
}
