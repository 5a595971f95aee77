// What scripts find in a page that no standard names.

interface TrustedTypesPolicy {
  createHTML(text: string): string;
  createScriptURL(text: string): string;
}

interface Window {
  /** Google's commands and events, on pages of hosts. */
  dataLayer?: any[];
  /** A consent platform by TCF 2, on pages of hosts. */
  __tcfapi?(
    command: "addEventListener",
    version: 2,
    callback: (data: import("../../shared/form_pages/scripts/consent.js").TcfData, isSuccess: boolean) => void,
  ): void;
  trustedTypes?: { createPolicy(name: string, rules: Partial<TrustedTypesPolicy>): TrustedTypesPolicy };
  /** The console's library for parts of pages. */
  htmx: { swap(options: { sourceElement: Element; target: Element | null; swap: string; text: string }): Promise<void> };
}

/** Swagger UI, which the page of the API's documentation loads before its script. */
declare function SwaggerUIBundle(options: object): void;
