// Create Task.

import { isBlank, LEAD_ID } from "../lead_fields.js";
import { idNumber } from "../numbers.js";

/** @import { Bundle, ZObject } from "zapier-platform-core" */

/** @type {Record<string, string>} */
const ID_LABELS = { lead_id: LEAD_ID.label, user_id: "For" };

/**
 * @param {ZObject} z
 * @param {Bundle<any>} bundle
 */
async function perform(z, bundle) {
  const filled = Object.entries(bundle.inputData).filter(([, value]) => !isBlank(value));
  const body = Object.fromEntries(
    filled.map(([name, value]) => [name, ID_LABELS[name] ? idNumber(z, ID_LABELS[name], value) : value]),
  );
  const response = await z.request("/api/v1/tasks", { method: "POST", body });
  return response.data.data;
}

export const createTask = {
  key: "create_task",
  noun: "Task",
  display: { label: "Create Task", description: "Creates a task, for a lead if you name one." },
  operation: {
    inputFields: [
      { key: "title", label: "Title", required: true },
      { ...LEAD_ID, required: false },
      { key: "user_id", label: "For", type: "integer", dynamic: "users.id.name" },
      { key: "due_at", label: "Due", type: "datetime" },
    ],
    perform,
    outputFields: [
      { key: "id", label: "Task ID", type: "integer" },
      { key: "title", label: "Title" },
      { key: "lead_id", label: "Lead ID", type: "integer" },
      { key: "user_id", label: "User ID", type: "integer" },
      { key: "due_at", label: "Due", type: "datetime" },
    ],
    sample: {
      id: 1,
      title: "Call back",
      lead_id: 1842,
      user_id: 1,
      due_at: "2026-04-01T09:00:00+00:00",
      done_at: null,
    },
  },
};
