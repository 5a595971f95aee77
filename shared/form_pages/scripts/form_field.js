// One field of a form of ours: `<div class="lh-field" data-key data-type data-show-if data-required data-prefill>`.

import { isEmpty } from "./conditions.js";
import { controlValues, isChoice } from "./controls.js";
import { $$ } from "./elements.js";
import { parseJson } from "./values.js";

/** @import { Condition } from "./conditions.js" */
/** @import { Control } from "./controls.js" */

/**
 * The name and the parameters of the message for what is wrong.
 * @typedef {[string, Record<string, string | undefined>?]} Problem
 */

const MEGABYTE = 1_048_576;

export class Field {
  /** @param {HTMLElement} box */
  constructor(box) {
    const { key = "", type = "", showIf, required, prefill } = box.dataset;
    this.box = box;
    this.key = key;
    this.type = type;
    this.isRequired = required !== undefined;
    this.isPrefilled = prefill !== undefined;
    /** @type {Condition | null} */
    this.showIf = parseJson(showIf || null);
    const controls = /** @type {Control[]} */ ($$("input, select, textarea", box));
    this.controls = controls.filter((one) => one.name === key);
    // Of radios and lists of boxes.
    this.group = box.querySelector(".lh-group");
    for (const control of this.controls) {
      const described = control.getAttribute("aria-describedby") || "";
      control.setAttribute("aria-describedby", `${described.replace(`lh-${key}-error`, "")} lh-${key}-error`.trim());
    }
  }

  // What conditions compare: a text, a list of texts, true, or undefined.
  get value() {
    const values = controlValues(this.controls);
    if (this.group && this.type !== "radio") return values;
    return isChoice(this.controls[0]) && !this.group ? values.length > 0 || undefined : values[0];
  }

  /**
   * Formats are the server's to judge: it takes more than browsers do, such as addresses in other scripts.
   * @returns {Problem | undefined}
   */
  get problem() {
    const [control] = this.controls;
    if (control.validity.badInput) return ["date"];
    if (isEmpty(this.value)) return this.isRequired ? [this.missingText] : undefined;
    if (this.type === "email" && !/[^\s]@[^\s]/.test(String(this.value))) return ["email_no_at"];
    return this.type === "file" ? fileProblem(control) : undefined;
  }

  get missingText() {
    if (this.type === "file") return "required_file";
    if (this.group || this.type === "select") return "required_choice";
    return isChoice(this.controls[0]) ? "required_consent" : "required";
  }
}

/**
 * @param {Control} control
 * @returns {Problem | undefined}
 */
function fileProblem({ files, accept, dataset }) {
  const types = accept
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  // A browser that does not know a type says nothing: the server judges by the bytes.
  const fits = (/** @type {File} */ { name, type }) =>
    types.some((one) =>
      one[0] === "." ? name.toLowerCase().endsWith(one) : !type || type.startsWith(one.replace("*", "")),
    );
  for (const file of files || []) {
    if (file.size > Number(dataset.maxMb) * MEGABYTE) return ["file_size", { max: dataset.maxMb }];
    if (types.length && !fits(file)) return ["file_type"];
  }
  return undefined;
}

/**
 * The fields of a form that have something to fill in.
 * @param {HTMLFormElement} form
 */
export const fieldsOf = (form) =>
  $$(".lh-field", form)
    .map((one) => new Field(one))
    .filter((one) => one.controls.length);
