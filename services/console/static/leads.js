// The list of leads: its columns can be ordered, and `/` goes to its search.

import { orderColumns } from "./scripts/lead_list/column_order.js";
import { openSearchByKey } from "./scripts/lead_list/list_search.js";

orderColumns();
openSearchByKey();
