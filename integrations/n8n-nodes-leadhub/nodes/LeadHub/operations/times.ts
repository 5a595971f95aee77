// Times as the editor gives them, which is without an offset, in the zone of the workflow.

import type { IDataObject } from "n8n-workflow";

const HAS_OFFSET = /(?:Z|[+-]\d\d:?\d\d)$/;
const DATE_ALONE = /^\d{4}-\d\d-\d\d$/;

/** Return a time with its offset. A date alone, and what is no time, are returned as they are. */
export function timeWithOffset(value: IDataObject[string], zone: string): string {
  const text = isLuxonTime(value) ? value.toISO() : String(value);
  const asUtc = Date.parse(`${text}Z`);
  if (HAS_OFFSET.test(text) || DATE_ALONE.test(text) || Number.isNaN(asUtc)) return text;
  const guess = asUtc - offsetAt(asUtc, zone);
  return new Date(asUtc - offsetAt(guess, zone)).toISOString();
}

/** Milliseconds by which the clocks of a zone are ahead of UTC at an instant. */
function offsetAt(instant: number, zone: string): number {
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return Date.parse(`${clock.format(instant).replace(" ", "T")}Z`) - Math.floor(instant / 1000) * 1000;
}

/** An expression such as `$now` is an object of n8n's own. */
function isLuxonTime(value: unknown): value is { toISO(): string } {
  return typeof (value as { toISO?: unknown } | null)?.toISO === "function";
}
