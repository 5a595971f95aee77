// Whether somebody types.

import { closest } from "./elements.js";

/**
 * Whether an event comes from a place that text is typed into. A dialog that was just closed keeps the focus until the
 * next frame, yet nobody types there.
 * @param {Event} event
 */
export const isTyping = (event) =>
  closest(event, "input, textarea, select, [contenteditable]") !== null && !closest(event, "dialog:not([open])");
