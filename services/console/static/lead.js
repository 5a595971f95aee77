// The page of a lead: links that call or write offer to log it.

import { offerLogging } from "./scripts/lead/activity_log.js";

offerLogging();
