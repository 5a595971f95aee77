// Short forms of looking for elements.

/**
 * The first element that fits a selector.
 * @param {string} query
 * @param {ParentNode} [root]
 */
export const $ = (query, root = document) => root.querySelector(query);

/**
 * All elements that fit a selector, as an array.
 * @param {string} query
 * @param {ParentNode} [root]
 */
export const $$ = (query, root = document) => [...root.querySelectorAll(query)];
