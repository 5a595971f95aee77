// The form builder: it saves while somebody types, lets fields be dragged, and keeps the preview in step. Each button
// works without it. The server answers with the parts of the page that changed; htmx puts them in place.

import { mayChange } from "./scripts/builder/builder_form.js";
import { watchFields } from "./scripts/builder/field_list.js";
import { watchPreview } from "./scripts/builder/preview.js";
import { startSaving } from "./scripts/builder/saving.js";
import { watchTabs } from "./scripts/builder/tabs.js";

watchPreview();
watchTabs();
if (mayChange) {
  startSaving();
  watchFields();
}
