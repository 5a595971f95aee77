// Shows the OpenAPI document with Swagger UI, for the server whose address the reader enters. The address is kept in
// the browser, a key is forgotten with the page.
const STORED_NAME = "leadhub-server";
const DEFAULT_ADDRESS = "http://127.0.0.1:8000";
const form = /** @type {HTMLFormElement} */ (document.getElementById("server-form"));
const field = /** @type {HTMLInputElement} */ (document.getElementById("server-address"));

/** Returns the address that was entered last, or that of a LeadHub on this machine. */
function storedAddress() {
  try {
    return localStorage.getItem(STORED_NAME) || DEFAULT_ADDRESS;
  } catch {
    return DEFAULT_ADDRESS; // the browser keeps nothing
  }
}

/** Returns whether the reader chose dark pages in the documentation, or chose nothing and has a dark system. */
function isDark() {
  const system = matchMedia("(prefers-color-scheme: dark)").matches;
  try {
    // The theme keeps the choice by the path of the version.
    const stored = localStorage.getItem(`${new URL("..", document.baseURI).pathname}.__palette`);
    const { media, scheme } = JSON.parse(stored ?? "{}").color ?? {};
    return scheme && media !== "(prefers-color-scheme)" ? scheme === "slate" : system;
  } catch {
    return system; // the browser keeps nothing
  }
}

/** Shows the document with the address as its only server. */
async function show() {
  const answer = await fetch(new URL("../openapi.json", document.baseURI));
  const spec = await answer.json();
  spec.servers = [{ url: field.value.replace(/\/+$/, "") }];
  SwaggerUIBundle({
    spec,
    dom_id: "#documentation",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false,
    validatorUrl: null, // the document is not sent to a foreign validator
  });
}

document.documentElement.classList.toggle("dark-mode", isDark());
field.value = storedAddress();
form.addEventListener("submit", (event) => {
  event.preventDefault();
  try {
    localStorage.setItem(STORED_NAME, field.value);
  } catch {
    // it counts until the page is left
  }
  show();
});
show();
