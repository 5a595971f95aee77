// People who can own leads and tasks.

import { dropdown } from "../dropdown.js";

export const users = dropdown("users", "User", "/api/v1/users", (user) => (user.is_active ? [user] : []));
