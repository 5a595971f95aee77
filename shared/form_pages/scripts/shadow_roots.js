// Shadow roots. Neither side's styles harm the other: what the host's rules do to our element is undone, what they hand
// down ends at the inner root. Its own margins and widths stay the host's.

import { make } from "./elements.js";

const BASE_CSS = `
:host { display: block !important; visibility: visible !important; opacity: 1 !important; height: auto !important;
  min-width: min(100%, 270px) !important; max-height: none !important; overflow: visible !important;
  clip-path: none !important; transform: none !important; filter: none !important; pointer-events: auto !important;
  content-visibility: visible !important; }
.lh-root { all: initial; display: block; }
[hidden] { display: none !important; }
iframe { display: block; inline-size: 100%; border: 0; }
.lh-dialog { box-sizing: border-box; inline-size: min(36em, 100vw - 24px); max-block-size: calc(100dvh - 24px);
  overflow: auto; border: 0; border-radius: 12px; padding: 1.5em; background: var(--lh-background, Canvas);
  color: var(--lh-text, CanvasText); }
.lh-dialog::backdrop { background: rgb(0 0 0 / 0.55); }
.lh-dialog .lh-head { padding-inline-end: 44px; }
.lh-close { position: absolute; inset-block-start: 8px; inset-inline-end: 8px; inline-size: 44px; block-size: 44px;
  border: 0; background: none; color: inherit; font: 24px/1 sans-serif; cursor: pointer; }`;

/**
 * Browsers before 2023 cannot do this: there the host's own link stays.
 * @param {ShadowRoot} shadow
 * @param {string} css
 */
export function addStyles(shadow, css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(BASE_CSS + css.replace(/:(root|host)\b/g, ".lh-root"));
  shadow.adoptedStyleSheets = [sheet];
}

/**
 * A shadow root in an element, with a root of ours that is as high as the element was.
 * @param {HTMLElement} box
 */
export function openRoot(box) {
  const { height } = box.getBoundingClientRect();
  const shadow = box.shadowRoot || box.attachShadow({ mode: "open" });
  const root = make("div", { className: "lh-root" });
  if (height) root.style.minHeight = `${height}px`;
  // The host's own content until the form is there, and if it never comes.
  root.append(make("slot"));
  shadow.replaceChildren(root);
  addStyles(shadow, "");
  return { shadow, root };
}
