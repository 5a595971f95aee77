// The address of a page that answers a form with what is shown once, such as a secret.

import { $ } from "./elements.js";

// A reload then asks for the page, and does not send the form again, which would make another secret.
export function takePageAddress() {
  const shown = $("[data-page-address]");
  if (shown) history.replaceState(history.state, "", shown.dataset.pageAddress);
}
