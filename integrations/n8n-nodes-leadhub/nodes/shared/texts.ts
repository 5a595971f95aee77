// Texts that several fields have.

/** What n8n says of a list that it loads. */
export const FROM_LIST =
  "Choose from the list, or specify an ID using an " + '<a href="https://docs.n8n.io/code/expressions/">expression</a>';
