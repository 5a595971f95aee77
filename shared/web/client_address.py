"""Addresses behind proxies: the client's, and this service's own. Only proxies that the settings trust are believed."""

import ipaddress

from aiohttp import web

from shared.settings import Settings

MAX_HOPS = 20  # hops read of a header that anybody may fill


def client_address(request: web.Request, trusted_proxies: str) -> str:
    """Return the address of the client: the last one in `X-Forwarded-For` that no trusted proxy has."""
    address = request.remote or ""
    if not is_trusted_proxy(address, trusted_proxies):
        return address
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    for hop in reversed(hops[-MAX_HOPS:]):
        try:
            ipaddress.ip_address(hop)
        except ValueError:
            break
        address = hop
        if not is_trusted_proxy(hop, trusted_proxies):
            break
    return address


def base_url(request: web.Request, settings: Settings) -> str:
    """Return the start of absolute links: the public URL of the settings, otherwise the request's host."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme, host = request.scheme, request.host
    if is_trusted_proxy(request.remote, settings.trusted_proxies):
        scheme = request.headers.get("X-Forwarded-Proto", scheme).split(",")[0].strip()
        host = request.headers.get("X-Forwarded-Host", host).split(",")[0].strip()
    return f"{scheme}://{host}"


def is_trusted_proxy(remote: str | None, networks: str) -> bool:
    """Return whether an address belongs to one of these networks, which are separated by commas."""
    named = [part for part in map(str.strip, networks.split(",")) if part]
    if not remote or not named:
        return False
    address = ipaddress.ip_address(remote.partition("%")[0])
    return any(address in ipaddress.ip_network(network, strict=False) for network in named)
