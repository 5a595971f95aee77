// The script's own element and address: they tell which form is shown, and where LeadHub is.

// Known only while the script runs for the first time, which is when the modules of the bundle are evaluated.
export const script = /** @type {HTMLScriptElement} */ (document.currentScript);

const address = new URL(script?.src || "about:blank");
const parts = /^(.*\/f\/)([^/]+)\/embed\.js$/.exec(address.origin + address.pathname) || ["", "", ""];

/** Start of the addresses of forms, such as `https://leads.example.com/f/`. Empty where this is no address of ours. */
export const base = parts[1];
/** The form's public id. Empty where this is no address of ours. */
export const formId = parts[2];
/** LeadHub's origin and host name. */
export const { origin, hostname } = address;

/**
 * The value of a `data-` attribute, on the form's element or on the script.
 * @param {string} name
 * @param {HTMLElement | null} [box]
 */
export const option = (name, box) => box?.dataset[name] || script.dataset[name];
