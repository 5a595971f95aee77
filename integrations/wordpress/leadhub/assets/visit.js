/** Keeps the campaign and the first page of a visit in a cookie that ends with it, once the visitor consents. */
(() => {
  const { cookie, path, parameters } = window.leadhubVisit;

  /** A consent plugin that speaks WordPress' consent API decides; where there is none, the site's operator did. */
  function mayRemember() {
    return typeof window.wp_has_consent !== "function" || window.wp_has_consent("marketing");
  }

  function firstPage() {
    const query = new URLSearchParams(location.search);
    const found = parameters.map((name) => [name, query.get(name)]).filter(([, value]) => value);
    const elsewhere = document.referrer && !document.referrer.startsWith(`${location.origin}/`);
    return {
      landing_page: (location.origin + location.pathname).slice(0, 300),
      ...(elsewhere ? { referrer: document.referrer.split(/[?#]/)[0].slice(0, 300) } : {}),
      ...Object.fromEntries(found.map(([name, value]) => [name, value.slice(0, 120)])),
    };
  }

  function remember() {
    const isKnown = document.cookie.split("; ").some((pair) => pair.startsWith(`${cookie}=`));
    if (isKnown || !mayRemember()) return;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const value = encodeURIComponent(JSON.stringify(firstPage()));
    document.cookie = `${cookie}=${value}; Path=${path}; SameSite=Lax${secure}`;
  }

  remember();
  document.addEventListener("wp_listen_for_consent_change", remember);
})();
