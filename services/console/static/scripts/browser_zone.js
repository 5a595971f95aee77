// The zone of the browser, by which the server formats times.

// The server formats times in the browser's zone, which it learns from this cookie.
export function rememberZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`leadhub_zone=${zone}`)) {
    document.cookie = `leadhub_zone=${zone}; path=/console; max-age=31536000; samesite=lax`;
  }
}
