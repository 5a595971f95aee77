// A form in a frame: the page around it gives it its height, and tells it where it stands.

import { make } from "./elements.js";
import { counted, currentPage } from "./page_facts.js";
import { shared } from "./page_registry.js";
import { openRoot } from "./shadow_roots.js";
import { formId, option, origin } from "./this_script.js";

/** @import { LiveForm } from "./live_form.js" */

const MAX_FRAME_PIXELS = 20_000;
const DEFAULT_PIXELS = 480;

/** @param {HTMLElement} box */
export function showFrame(box) {
  const height = Number(option("height", box)) || box.getBoundingClientRect().height || DEFAULT_PIXELS;
  const { root } = openRoot(box);
  const title = box.getAttribute("aria-label") || document.title || formId;
  const frame = make("iframe", { src: `${counted(formId)}&embed=1`, title });
  frame.style.height = `${height}px`;
  root.replaceChildren(frame);
  addEventListener("message", ({ source, origin: sender, data }) => {
    const { contentWindow } = frame;
    if (source !== contentWindow || sender !== origin || !data || data.type !== "leadhub:height") return;
    if (!Number.isInteger(data.height) || data.height < 1) return;
    frame.style.height = `${Math.min(data.height, MAX_FRAME_PIXELS)}px`;
    /** @type {Window} */ (contentWindow).postMessage({ type: "leadhub:page", page: currentPage() }, origin);
  });
}

/** In our frame: tells the page around it how high the content is, and nothing else. A number needs no addressee. */
export function tellHeight() {
  const content = document.querySelector("main") || document.body;
  let lastHeight = 0;
  const tell = () => {
    const below = parseFloat(getComputedStyle(document.body).paddingBottom) || 0;
    const height = Math.min(MAX_FRAME_PIXELS, Math.ceil(content.getBoundingClientRect().bottom + scrollY + below));
    if (height > 0 && height !== lastHeight) parent.postMessage({ type: "leadhub:height", height }, "*");
    lastHeight = height;
  };
  new ResizeObserver(tell).observe(content);
  tell();
}

/**
 * In our frame: hears of the page around it.
 * @param {LiveForm} live
 */
export function hearPage(live) {
  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data || data.type !== "leadhub:page" || typeof data.page !== "object") return;
    shared.page = data.page;
    if (!live.firstTouch.preparation) {
      live.prefill();
      live.refresh();
    }
  });
}
