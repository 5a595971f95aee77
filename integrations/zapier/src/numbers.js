// Numbers of records, as a person or an earlier step filled them in.

/** @import { ZObject } from "zapier-platform-core" */

const SHOWN_CHARACTERS = 50;

/**
 * Returns the number. A text that is none is an error: it would be sent as null, and the record lost in silence.
 *
 * @param {ZObject} z
 * @param {string} label of the field
 * @param {unknown} value
 * @returns {number}
 */
export function idNumber(z, label, value) {
  const text = String(value ?? "").trim();
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new z.errors.Error(`${label}: "${text.slice(0, SHOWN_CHARACTERS)}" is no number.`, "InvalidData", 400);
}
