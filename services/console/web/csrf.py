"""Refuse requests that another website made a browser send (CSRF). Pure.

The rule: a safe method passes. Otherwise `Sec-Fetch-Site`, where the browser sends it, must be `same-origin`. Without
it (plain HTTP by name or address) `Origin` must name this host. Without both the request is refused.
`services/console/web/served_hosts.py` knows the hosts.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def cross_site_reason(method: str, headers: Mapping[str, str], own_hosts: frozenset[str]) -> str | None:
    """Return why a request is refused, for the person who set up a proxy, or None if it is the console's own.

    `own_hosts` are the hosts, with their port, by which this console is reached.
    """
    if method in SAFE_METHODS:
        return None
    fetch_site = headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return None if fetch_site == "same-origin" else f"Sec-Fetch-Site is {fetch_site[:40]}, not same-origin"
    origin = headers.get("Origin")
    if origin is None:
        return "neither Sec-Fetch-Site nor Origin was sent"
    if urlsplit(origin).netloc.lower() in own_hosts:
        return None
    return f"Origin is {origin[:200]}, and this console is {', '.join(sorted(own_hosts))}"
