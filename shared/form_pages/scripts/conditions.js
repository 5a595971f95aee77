// Conditions of fields, as `shared/automations/conditions.py` judges them. A test compares both.

/**
 * @typedef {object} Condition
 * @property {Condition[]} [all]
 * @property {Condition[]} [any]
 * @property {Condition} [not]
 * @property {string} field
 * @property {string} operator
 * @property {any} [value]
 */

/** @param {unknown} value */
export const isEmpty = (value) =>
  value == null || (typeof value === "string" ? !value.trim() : Array.isArray(value) && !value.length);

/**
 * @param {unknown} value
 * @returns {number | null}
 */
const asNumber = (value) =>
  typeof value !== "boolean" && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?\s*$/i.test(String(value))
    ? Number(value)
    : null;

/**
 * In capitals first, so that ß is ss.
 * @param {unknown} value
 */
const folded = (value) => String(value).trim().toUpperCase().toLowerCase();

/** @param {unknown} value */
const members = (value) => (Array.isArray(value) ? value : [value]).filter((one) => !isEmpty(one));

/**
 * Less than 0, 0, or more than 0, as sorting has it: by number where both are numbers, otherwise by text.
 * @param {unknown} left
 * @param {unknown} right
 */
function compare(left, right) {
  /** @type {[number | string | null, number | string | null]} */
  let [a, b] = [asNumber(left), asNumber(right)];
  if (a === null || b === null) [a, b] = [folded(left), folded(right)];
  return Number(a > b) - Number(a < b);
}

/** @typedef {(value: any, wanted: any) => boolean} Operator */

/** @type {Operator} */
const areComparable = (left, right) => (asNumber(left) === null) === (asNumber(right) === null);

/** @type {Operator} */
const someEquals = (value, wanted) => members(value).some((one) => compare(one, wanted) === 0);

/** @type {Operator} */
const contains = (value, wanted) =>
  Array.isArray(value) ? someEquals(value, wanted) : !isEmpty(value) && folded(value).includes(folded(wanted));

/** @type {Record<string, Operator>} */
const OPERATORS = {
  equals: someEquals,
  not_equals: (value, wanted) => !someEquals(value, wanted),
  contains,
  not_contains: (value, wanted) => !contains(value, wanted),
  is_empty: isEmpty,
  is_not_empty: (value) => !isEmpty(value),
  greater_than: (value, wanted) => members(value).some((m) => areComparable(m, wanted) && compare(m, wanted) > 0),
  less_than: (value, wanted) => members(value).some((m) => areComparable(m, wanted) && compare(m, wanted) < 0),
  in: (value, wanted) => wanted.some((/** @type {unknown} */ one) => someEquals(value, one)),
};

/**
 * Whether a condition holds for answers, which `answerOf` gives by the field's key.
 * @param {Condition} condition
 * @param {(key: string) => unknown} answerOf
 * @returns {boolean}
 */
export function conditionMatches(condition, answerOf) {
  const inner = (/** @type {Condition} */ one) => conditionMatches(one, answerOf);
  if (condition.all) return condition.all.every(inner);
  if (condition.any) return condition.any.some(inner);
  if (condition.not) return !inner(condition.not);
  return OPERATORS[condition.operator](answerOf(condition.field), condition.value);
}
