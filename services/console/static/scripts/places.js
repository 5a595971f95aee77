// How far the last pages were scrolled.

/**
 * A page, how far it was scrolled in pixels, and whether the next return to it goes there.
 * @typedef {{address: string, top: number, isDue: boolean}} Place
 */

// What is sent leads to a new page, which a browser shows from its top, also if it is the list that the reader came
// from. The pages that were left last keep how far they were scrolled, and the first return to one of them, after
// something was sent, goes there. Back and reload are the browser's own.
export const places = {
  name: "leadhub-places",
  most: 5,
  isSent: false,

  get address() {
    return window.location.pathname + window.location.search;
  },

  /** @returns {Place[]} */
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.name) ?? "[]");
    } catch {
      return [];
    }
  },

  /** @param {Place[]} all */
  write(all) {
    try {
      sessionStorage.setItem(this.name, JSON.stringify(all.slice(-this.most)));
    } catch {
      // Storage may be full or forbidden: then pages begin at their top.
    }
  },

  start() {
    this.restore();
    // On the window, which hears last: a question that was answered with no sends nothing.
    window.addEventListener("submit", (event) => {
      const { target, submitter } = event;
      const own = submitter instanceof HTMLButtonElement ? submitter.formMethod : "";
      const method = own || (target instanceof HTMLFormElement && target.method);
      if (method === "post" && !event.defaultPrevented) this.isSent = true;
    });
    window.addEventListener("pagehide", () => this.leave());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.isSent = false;
    });
  },

  restore() {
    const all = this.read();
    const here = all.find(({ address }) => address === this.address);
    if (!here?.isDue) return;
    this.write(all.filter((one) => one !== here));
    const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
    const isNew = navigation?.type === "navigate" && !window.location.hash;
    if (isNew) window.scrollTo({ top: here.top, behavior: "instant" });
  },

  leave() {
    const others = this.read().filter(({ address }) => address !== this.address);
    const due = others.map((one) => ({ ...one, isDue: one.isDue || this.isSent }));
    this.write([...due, { address: this.address, top: window.scrollY, isDue: this.isSent }]);
  },
};
