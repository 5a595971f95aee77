// The list of leads: its columns can be ordered, its rows are changed and looked at in place.

import { orderColumns } from "./scripts/lead_list/column_order.js";
import { followJob } from "./scripts/lead_list/followed_job.js";
import { peekAtRows } from "./scripts/lead_list/peek.js";
import { changeRowsByMenus } from "./scripts/lead_list/row_menus.js";

orderColumns();
changeRowsByMenus();
peekAtRows();
followJob();
