// Short forms of finding, making and hiding elements.

/**
 * All elements that fit a selector, as an array.
 * @param {string} query
 * @param {ParentNode} [root]
 * @returns {HTMLElement[]}
 */
export const $$ = (query, root = document) => /** @type {HTMLElement[]} */ ([...root.querySelectorAll(query)]);

/**
 * `hidden` alone loses against a host's `display`, and a style attribute against its policy. This is neither.
 * @param {HTMLElement} element
 * @param {boolean} isShown
 */
export function toggle(element, isShown) {
  element.hidden = !isShown;
  element.style.display = isShown ? "" : "none";
}

/**
 * An element with these members and children.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} [members]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, members = {}, ...children) {
  const element = Object.assign(document.createElement(name), members);
  element.append(...children);
  return element;
}

/**
 * Dispatches the event `leadhub:NAME`. Returns whether nobody prevented what follows it.
 * @param {EventTarget} target
 * @param {string} name
 * @param {object} detail
 */
export function emit(target, name, detail) {
  const options = { bubbles: true, composed: true, cancelable: true, detail };
  return target.dispatchEvent(new CustomEvent(`leadhub:${name}`, options));
}
