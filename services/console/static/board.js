// The pipeline board: cards are moved by a mouse, by keys, or by a menu. The server decides; what the page shows
// changes at once and goes back if it refuses. Everything else of the page works without this script. It never sets
// HTML.

import { watchDragging } from "./scripts/board/card_dragging.js";
import { watchCardKeys } from "./scripts/board/card_keys.js";
import { board } from "./scripts/board/cards.js";
import { watchMoveMenu } from "./scripts/board/move_menu.js";

if (board) {
  watchCardKeys();
  watchDragging();
  watchMoveMenu();
}
