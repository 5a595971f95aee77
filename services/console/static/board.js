// The pipeline board: cards are moved by a mouse, by keys, or by a menu. The server decides; what the page shows
// changes at once and goes back if it refuses. Everything else of the page works without this script. It never sets
// HTML.

const board = document.querySelector("[data-board]");
const menu = document.querySelector("[data-move-menu]");
const isRightToLeft = getComputedStyle(document.documentElement).direction === "rtl";
const DRAG_DISTANCE = 6; // pixels after which a press is a drag
const EDGE = 48; // pixels at the edge of the board, in which it scrolls
const TOAST_MILLISECONDS = 10000;

const columns = () => [...board.querySelectorAll("[data-stage]")];
const columnOf = (stage) => board.querySelector(`[data-stage="${CSS.escape(String(stage))}"]`);
const cardsOf = (column) => [...column.querySelectorAll("[data-card]")];
const nameOf = (card) => card.querySelector(".name").textContent.trim();

// Counts and cards ----------------------------------------------------------------------------------------------------

function addToCount(column, step) {
  const shown = column?.querySelector("[data-count]");
  if (!shown) return;
  shown.dataset.count = String(Math.max(0, Number(shown.dataset.count) + step));
  shown.textContent = Number(shown.dataset.count).toLocaleString("en");
}

// Shows a card in the column of a stage; one without a column on this page leaves it.
function place(card, stage) {
  const column = columnOf(stage);
  addToCount(columnOf(card.dataset.at), -1);
  addToCount(column, 1);
  card.dataset.at = String(stage);
  if (column) column.querySelector(".cards").prepend(card);
  else card.remove();
}

// Toasts --------------------------------------------------------------------------------------------------------------

function say(text, undo) {
  document.querySelector("[data-toast]")?.remove();
  const toast = Object.assign(document.createElement("div"), { className: "toast floating" });
  toast.dataset.toast = "";
  toast.setAttribute("role", "status");
  toast.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (undo) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: board.dataset.undo });
    button.addEventListener("click", () => {
      toast.remove();
      undo();
    });
    toast.append(button);
  }
  document.body.append(toast);
  setTimeout(() => toast.remove(), TOAST_MILLISECONDS);
}

// Moving --------------------------------------------------------------------------------------------------------------

async function post(card, stage, seen, status) {
  const fields = new URLSearchParams({ lead: card.dataset.card, stage, seen });
  if (status) fields.set("status", status);
  try {
    const answer = await fetch(board.dataset.move, {
      method: "POST",
      body: fields,
      headers: { Accept: "application/json" },
    });
    const said = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : null;
    return { isDone: answer.ok && said !== null, said };
  } catch {
    return { isDone: false, said: { text: board.dataset.failed } };
  }
}

async function move(card, stage, { status = "", isUndo = false } = {}) {
  const seen = card.dataset.at;
  const statusBefore = card.dataset.status;
  if (String(stage) === seen || card.dataset.busy) return;
  card.dataset.busy = "yes";
  const hadFocus = card.contains(document.activeElement);
  place(card, stage);
  if (hadFocus) focusOn(card);
  const { isDone, said } = await post(card, stage, seen, status);
  delete card.dataset.busy;
  if (!isDone) {
    place(card, said?.stage ?? seen);
    if (said && said.stage === null) card.remove();
    card.dataset.status = said?.status ?? statusBefore;
    say(said?.text ?? board.dataset.refused);
    return;
  }
  card.dataset.status = said.status;
  if (isUndo) say(board.dataset.undone);
  else say(said.text, () => move(card, seen, { status: statusBefore, isUndo: true }));
}

// The menu ------------------------------------------------------------------------------------------------------------

let asked = null;

function ask(card) {
  if (!menu || menu.open) return;
  asked = card;
  menu.querySelector("[data-move-name]").textContent = nameOf(card);
  for (const item of menu.querySelectorAll("[data-to]")) item.disabled = item.dataset.to === card.dataset.at;
  menu.showModal();
  menu.querySelector("[data-to]:not(:disabled)")?.focus();
}

function choose(item) {
  menu.close();
  focusOn(asked);
  move(asked, item.dataset.to);
}

function menuKey(event) {
  const items = [...menu.querySelectorAll("[data-to]")];
  const usable = items.filter((item) => !item.disabled);
  const at = usable.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    usable[(at + step + usable.length) % usable.length]?.focus();
  } else if (/^[1-9]$/.test(event.key) && items[event.key - 1] && !items[event.key - 1].disabled) {
    event.preventDefault();
    choose(items[event.key - 1]);
  }
}

// Keys ----------------------------------------------------------------------------------------------------------------

function focusOn(card) {
  card?.querySelector(".name")?.focus();
}

// The card beside one: as far down in the next column that has cards.
function beside(card, step) {
  const all = columns();
  const row = cardsOf(card.closest("[data-stage]")).indexOf(card);
  for (let at = all.indexOf(card.closest("[data-stage]")) + step; all[at]; at += step) {
    const cards = cardsOf(all[at]);
    if (cards.length) return cards[Math.min(row, cards.length - 1)];
  }
  return null;
}

function boardKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const card = event.target.closest("[data-card]");
  if (!card) {
    if (event.target === board && event.key.startsWith("Arrow")) focusOn(board.querySelector("[data-card]"));
    return;
  }
  if (event.key === "m" && document.body.hasAttribute("data-single-keys")) {
    event.preventDefault();
    event.stopPropagation();
    ask(card);
    return;
  }
  const sideways = { ArrowRight: isRightToLeft ? -1 : 1, ArrowLeft: isRightToLeft ? 1 : -1 }[event.key];
  const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!sideways && !down) return;
  event.preventDefault();
  const within = cardsOf(card.closest("[data-stage]"));
  if (down) focusOn(within[within.indexOf(card) + down]);
  else if (!event.shiftKey) focusOn(beside(card, sideways));
  else {
    const all = columns();
    const next = all[all.indexOf(card.closest("[data-stage]")) + sideways];
    if (next && next.dataset.stage !== "0") move(card, next.dataset.stage);
  }
}

// Dragging with a mouse or a pen; a finger scrolls, and has the menu

let drag = null;

function press(event) {
  const card = event.target.closest("[data-card]");
  if (!card || event.button !== 0 || event.pointerType === "touch" || event.target.closest("button")) return;
  drag = { card, x: event.clientX, y: event.clientY, pointer: event.pointerId };
}

function lift() {
  const { card } = drag;
  const box = card.getBoundingClientRect();
  drag.slot = Object.assign(document.createElement("div"), { className: "slot" });
  drag.slot.setAttribute("aria-hidden", "true");
  drag.left = box.left;
  drag.top = box.top;
  card.after(drag.slot);
  card.classList.add("lifted", "dragged");
  card.style.inlineSize = `${box.width}px`;
  board.setPointerCapture(drag.pointer);
}

function carry(event) {
  if (!drag || event.pointerId !== drag.pointer) return;
  const [x, y] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.slot) {
    if (Math.hypot(x, y) < DRAG_DISTANCE) return;
    lift();
  }
  drag.card.style.left = `${drag.left + x}px`;
  drag.card.style.top = `${drag.top + y}px`;
  const edges = board.getBoundingClientRect();
  if (event.clientX > edges.right - EDGE) board.scrollBy(12, 0);
  if (event.clientX < edges.left + EDGE) board.scrollBy(-12, 0);
  const column = columns().find((one) => {
    const box = one.getBoundingClientRect();
    return event.clientX >= box.left && event.clientX <= box.right;
  });
  if (column && column.dataset.stage !== "0" && !column.contains(drag.slot))
    column.querySelector(".cards").prepend(drag.slot);
}

function drop(event, isTaken) {
  if (!drag || (event.pointerId !== undefined && event.pointerId !== drag.pointer)) return;
  const { card, slot } = drag;
  drag = null;
  if (!slot) return;
  const stage = slot.closest("[data-stage]").dataset.stage;
  slot.remove();
  card.classList.remove("lifted", "dragged");
  for (const name of ["inline-size", "left", "top"]) card.style.removeProperty(name);
  // The click that ends a drag opens no lead.
  board.addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
  setTimeout(() => board.dispatchEvent(new MouseEvent("click", { cancelable: true })));
  if (isTaken) move(card, stage);
}

if (board) {
  board.addEventListener("keydown", boardKey);
  board.addEventListener("pointerdown", press);
  board.addEventListener("pointermove", carry);
  board.addEventListener("pointerup", (event) => drop(event, true));
  board.addEventListener("pointercancel", (event) => drop(event, false));
  board.addEventListener("dragstart", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drag) drop({}, false);
  });
  board.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ask-move]");
    if (button) ask(button.closest("[data-card]"));
  });
  menu?.addEventListener("click", (event) => {
    const item = event.target.closest("[data-to]");
    if (item) choose(item);
    else if (event.target === menu) menu.close();
  });
  menu?.addEventListener("keydown", menuKey);
}
