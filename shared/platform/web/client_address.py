"""Addresses behind the proxies that the settings name: the client's, and this service's own."""

import ipaddress

from aiohttp import web

from shared.platform.settings import Settings

TRUSTED_PROXIES = web.AppKey("trusted_proxies", str)  # comma-separated networks


def is_trusted_proxy(remote: str | None, networks: str) -> bool:
    """Return whether the address is in one of the comma-separated networks."""
    named = [part for part in map(str.strip, networks.split(",")) if part]
    if not remote or not named:
        return False
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network, strict=False) for network in named)


def client_address(request: web.Request) -> str | None:
    """Return the address of the client: the nearest one that is no trusted proxy."""
    trusted, address = request.app[TRUSTED_PROXIES], request.remote
    named = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for further in map(str.strip, reversed(named)):
        if not (further and is_trusted_proxy(address, trusted) and _is_address(further)):
            break
        address = further
    return address


def base_url(request: web.Request, settings: Settings) -> str:
    """Return the start of absolute links: the public URL of the settings, otherwise the request's host."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme, host = requested_origin(request, settings)
    return f"{scheme}://{host}"


def requested_origin(request: web.Request, settings: Settings) -> tuple[str, str]:
    """Return the scheme and the host, with its port, that the client asked for."""
    scheme, host = request.scheme, request.host
    if is_trusted_proxy(request.remote, settings.trusted_proxies):
        scheme = request.headers.get("X-Forwarded-Proto", scheme).split(",")[0].strip()
        host = request.headers.get("X-Forwarded-Host", host).split(",")[0].strip()
    return scheme, host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
