// The console's own scripts. Every page works without them; they add what a mouse, a form and a reload cannot do:
// live figures with their age, shortcuts, the palette, selection of rows, copying. They never set HTML.

import { rememberZone } from "./scripts/browser_zone.js";
import { offerCalendars } from "./scripts/calendar.js";
import { showChartValues } from "./scripts/chart_cursor.js";
import { offerCopies } from "./scripts/copying.js";
import { checkTypedNumbers, forecastPace } from "./scripts/count_fields.js";
import { watchDialogs } from "./scripts/dialogs.js";
import { returnFocus } from "./scripts/focus_return.js";
import { askBeforeSending, nameChosenFiles, sayUnderWay, sendOnChange } from "./scripts/form_sending.js";
import { announceEndedJobs, countNewRows } from "./scripts/live_news.js";
import { live } from "./scripts/live_region.js";
import { takePageAddress } from "./scripts/page_address.js";
import { fillPathsByClick } from "./scripts/path_filling.js";
import { places } from "./scripts/places.js";
import { keepRowMarked } from "./scripts/row_focus.js";
import { orderRows } from "./scripts/row_order.js";
import { watchSelection } from "./scripts/row_selection.js";
import { handleKey } from "./scripts/shortcuts.js";

rememberZone();
takePageAddress();
live.start();
countNewRows();
announceEndedJobs();
watchDialogs();
checkTypedNumbers();
forecastPace();
keepRowMarked();
watchSelection();
offerCopies();
offerCalendars();
showChartValues();
askBeforeSending();
sendOnChange();
sayUnderWay();
nameChosenFiles();
fillPathsByClick();
places.start();
document.querySelector('.nav [aria-current="page"]')?.scrollIntoView({ block: "nearest" });
document.addEventListener("keydown", handleKey);
document.documentElement.classList.add("scripts-run");
returnFocus();
orderRows(); // after what scripts show can have the focus
