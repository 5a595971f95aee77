// The list of leads: its columns can be ordered, `/` goes to its search, its rows are changed and looked at in place.

import { orderColumns } from "./scripts/lead_list/column_order.js";
import { followJob } from "./scripts/lead_list/followed_job.js";
import { openSearchByKey } from "./scripts/lead_list/list_search.js";
import { peekAtRows } from "./scripts/lead_list/peek.js";
import { changeRowsByMenus } from "./scripts/lead_list/row_menus.js";

orderColumns();
openSearchByKey();
changeRowsByMenus();
peekAtRows();
followJob();
