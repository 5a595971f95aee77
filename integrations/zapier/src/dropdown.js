// A hidden trigger: the records that a dropdown offers.

/** @import { Bundle, ZObject } from "zapier-platform-core" */

const PAGE_SIZE = 100;

/**
 * @param {string} key
 * @param {string} noun
 * @param {string} path
 * @param {(record: any, inputData: Record<string, any>) => any[]} [choices] what is offered of a record
 */
export function dropdown(key, noun, path, choices = (record) => [record]) {
  return {
    key,
    noun,
    display: { label: `List of ${noun}s`, description: `Fills dropdowns with ${noun.toLowerCase()}s.`, hidden: true },
    operation: {
      type: "polling",
      canPaginate: true,
      perform: async (/** @type {ZObject} */ z, /** @type {Bundle<any>} */ bundle) => {
        const params = { page: (bundle.meta?.page ?? 0) + 1, per_page: PAGE_SIZE };
        const response = await z.request(path, { params });
        return response.data.data.flatMap((/** @type {any} */ record) => choices(record, bundle.inputData));
      },
      sample: { id: 1, name: noun },
    },
  };
}
