// The workspace's forms.

import { dropdown } from "../dropdown.js";

export const forms = dropdown("forms", "Form", "/api/v1/forms");
