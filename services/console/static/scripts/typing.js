// Whether somebody types.

import { closest } from "./elements.js";

/**
 * Whether an event comes from a place that text is typed into.
 * @param {Event} event
 */
export const isTyping = (event) => closest(event, "input, textarea, select, [contenteditable]") !== null;
