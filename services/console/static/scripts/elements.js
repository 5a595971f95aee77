// Short forms of looking for elements.

/**
 * The first element that fits a selector, or null. The caller says of which type it is.
 * @template {Element} [T=HTMLElement]
 * @param {string} query
 * @param {ParentNode} [root]
 * @returns {T | null}
 */
export const $ = (query, root = document) => root.querySelector(query);

/**
 * All elements that fit a selector, as an array.
 * @template {Element} [T=HTMLElement]
 * @param {string} query
 * @param {ParentNode} [root]
 * @returns {T[]}
 */
export const $$ = (query, root = document) => /** @type {T[]} */ ([...root.querySelectorAll(query)]);

/**
 * The element that fits a selector, from the target of an event upwards, or null.
 * @template {Element} [T=HTMLElement]
 * @param {Event} event
 * @param {string} query
 * @returns {T | null}
 */
export const closest = ({ target }, query) => (target instanceof Element ? target.closest(query) : null);

/**
 * An element with these members.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} [members]
 */
export const make = (name, members = {}) => Object.assign(document.createElement(name), members);
