// The workspace's tags.

import { dropdown } from "../dropdown.js";

export const tags = dropdown("tags", "Tag", "/api/v1/tags");
