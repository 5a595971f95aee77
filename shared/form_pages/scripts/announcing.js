// Telling the host's page that a submission has arrived, also one of an earlier page view.

import { send } from "./delivery.js";
import { emit } from "./elements.js";
import { shared } from "./page_registry.js";
import { pendingRecords } from "./pending_posts.js";
import { option } from "./this_script.js";

/** @import { Answer } from "./delivery.js" */

/**
 * Returns whether the host leaves the thanks to us.
 * @param {EventTarget} target
 * @param {string} id the form's public id
 * @param {Answer} answer
 * @param {HTMLElement | null} box the element of the page whose attributes count
 */
export function announce(target, id, answer, box) {
  const detail = { form_id: id, submission_id: answer.submission_id || null };
  if (option("datalayer", box) !== undefined) {
    window.dataLayer = window.dataLayer || [];
    window.dataLayer.push({ event: "generate_lead", ...detail });
  }
  return emit(target, "success", detail);
}

/**
 * What an earlier page view left unanswered goes out even if its form is not shown, such as that of a popup.
 * @param {string} id the form's public id
 */
export function resume(id) {
  for (const record of pendingRecords(id).filter((one) => !one.hasFiles)) {
    const earlier = { record, job: send(record, []), isTaken: false, isTold: false };
    shared.resumed.set(id, earlier);
    earlier.job.then(({ kind, said }) => {
      if (kind !== "accepted" || earlier.isTaken) return;
      earlier.isTold = true;
      announce(document, id, said, null);
    });
  }
}
