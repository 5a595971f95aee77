// Add Tag to Lead.

import { leadAction } from "../lead_action.js";

export const addTag = leadAction({
  key: "add_tag",
  label: "Add Tag to Lead",
  description: "Adds a tag to a lead. A tag that does not exist yet is created.",
  inputFields: [{ key: "tag", label: "Tag", dynamic: "tags.name.name", required: true }],
  request: ({ tag }) => ({ method: "POST", path: "/tags", body: { tag } }),
});
