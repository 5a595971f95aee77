"""The hosts by which people reach the console. What another `Host` says stands in no link and in no mail.

They are the host of `LEADHUB_PUBLIC_URL`, those of `LEADHUB_HOSTS`, the address to which the connection was made, and,
where the service listens on this machine's own or on all addresses, the names of this machine.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from shared.platform.errors import ApiError
from shared.platform.setting_checks import split_addresses
from shared.platform.settings import Settings
from shared.platform.web.client_address import requested_origin

WILDCARD_HOSTS: Final = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound
_match_host = re.compile(r"(?:(?P<name>[A-Za-z0-9._-]+)|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::\d{1,5})?").fullmatch
LOCAL_NAMES: Final = ("localhost", "localhost.localdomain")


class MisdirectedRequest(ApiError):
    """The request names a host that this console does not serve. The API does not mind, and does not know the error."""

    status, code = 421, "MISDIRECTED_REQUEST"


def is_served(request: web.Request, settings: Settings) -> bool:
    """Return whether the request names a host by which this service is reached."""
    _, host = requested_origin(request, settings)
    name = host_name(host)
    if not name:
        return False
    if host.lower() in named_hosts(settings) or name in named_hosts(settings) or name == host_name(settings.host):
        return True
    if is_this_machine(name):
        return settings.host in WILDCARD_HOSTS or is_this_machine(host_name(settings.host))
    return _is_address(name) and name == _local_address(request)


def named_hosts(settings: Settings) -> list[str]:
    """Return the hosts that the settings name, in lower case. One without a port stands for all ports."""
    public = urlsplit(settings.public_url).netloc.lower()
    return [host for host in (public, *map(str.lower, split_addresses(settings.hosts))) if host]


def own_origins(request: web.Request, settings: Settings) -> frozenset[str]:
    """Return the hosts, with their ports, from which forms may come. Call it for a request whose host is served."""
    return frozenset((*named_hosts(settings), requested_origin(request, settings)[1].lower()))


def mailed_base_url(request: web.Request, settings: Settings) -> str:
    """Return what links in mails start with. Call it for a request whose host is served.

    Where the settings name hosts, it is one of them: a name of this machine leads nowhere from a mail.
    """
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme, host = requested_origin(request, settings)
    hosts = named_hosts(settings)
    if hosts and host.lower() not in hosts and host_name(host) not in hosts:
        host = hosts[0]
    return f"{scheme}://{host}"


def is_this_machine(host: str) -> bool:
    """Return whether a name or an address, without a port, is this machine's own in its own eyes."""
    if host in LOCAL_NAMES or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def host_name(host: str) -> str:
    """Return a host without its port, in lower case; an address in its usual spelling. Empty if it is no host.

    Nothing else is taken: browsers read `evil.example\\@crm.example.com` in another way than Python does.
    """
    match = _match_host(host)
    name = (match["name"] or match["address"]).lower() if match else host
    if _is_address(name):
        return str(_plain_address(name))
    return name if match else ""


def _local_address(request: web.Request) -> str:
    """Return the address to which the connection was made."""
    place = request.transport.get_extra_info("sockname") if request.transport else None
    address = place[0] if isinstance(place, tuple) else ""
    return str(_plain_address(address)) if _is_address(address) else ""


def _plain_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    return address.ipv4_mapped or address if isinstance(address, ipaddress.IPv6Address) else address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
