// Where a dialog stands that hangs from an element.

const PHONE_WIDTH = 640; // pixels, below which it stands in the middle of the page
const MARGIN = 8; // pixels between it and the edge of the page

/**
 * Puts an open dialog below an element, as far as the window has room.
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} element
 */
export function placeAt(dialog, element) {
  const isPhone = window.innerWidth < PHONE_WIDTH;
  dialog.classList.toggle("at-cell", !isPhone);
  if (isPhone) return;
  const { left, right, bottom } = element.getBoundingClientRect();
  const { width, height } = dialog.getBoundingClientRect();
  const start = getComputedStyle(element).direction === "rtl" ? right - width : left;
  dialog.style.left = `${Math.max(MARGIN, Math.min(start, window.innerWidth - width - MARGIN))}px`;
  dialog.style.top = `${Math.max(MARGIN, Math.min(bottom, window.innerHeight - height - MARGIN))}px`;
}
