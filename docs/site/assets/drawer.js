// The drawer of a narrow page by keyboard: the theme's labels take no focus, and its closed drawer does.

const NARROW = matchMedia("(max-width: 76.234375em)"); // as the theme's own style sheet has it
const OTHERS = ".md-header, .md-content, .md-sidebar--secondary, .md-footer, .md-skip, .md-top";

/** Make a label of the header a button, which the keys of one press. */
function makeButton(/** @type {HTMLElement} */ label, /** @type {string} */ name) {
  label.tabIndex = 0;
  label.setAttribute("role", "button");
  label.setAttribute("aria-label", name);
  label.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    label.click();
  });
}

/** Let the focus into the drawer while it is open, and nowhere else; Escape closes it. */
function guardDrawer() {
  const toggle = /** @type {HTMLInputElement | null} */ (document.getElementById("__drawer"));
  const button = /** @type {HTMLElement | null} */ (document.querySelector(".md-header label[for=__drawer]"));
  const drawer = /** @type {HTMLElement | null} */ (document.querySelector(".md-sidebar--primary"));
  if (!toggle || !button || !drawer) return;
  makeButton(button, drawer.querySelector("nav")?.getAttribute("aria-label") ?? "");
  const others = document.querySelectorAll(OTHERS);
  const update = () => {
    const isOpen = NARROW.matches && toggle.checked;
    button.setAttribute("aria-expanded", String(isOpen));
    drawer.inert = NARROW.matches && !toggle.checked;
    for (const each of others) /** @type {HTMLElement} */ (each).inert = isOpen;
    return isOpen;
  };
  toggle.addEventListener("change", () => {
    if (update()) drawer.querySelector("a")?.focus();
    else button.focus();
  });
  NARROW.addEventListener("change", update);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && NARROW.matches && toggle.checked) toggle.click();
  });
  update();
}

guardDrawer();
const search = /** @type {HTMLElement | null} */ (document.querySelector(".md-header label[for=__search]"));
if (search) makeButton(search, document.querySelector(".md-search")?.getAttribute("aria-label") ?? "");
