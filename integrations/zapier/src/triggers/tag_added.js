// Tag Added.

import { hookTrigger } from "../hook_trigger.js";

export const tagAdded = hookTrigger({
  key: "tag_added",
  noun: "Tag",
  label: "Tag Added to Lead",
  description: "Triggers when a lead gets a tag, once for each tag.",
  event: "tag.added",
  filters: ["tag", "sources"],
  outputs: [{ key: "data__tag", label: "Tag" }],
  data: { tag: "newsletter" },
});
