"""Where requests may go: to public addresses, and to what the operator allows. Pure.

An address is judged as the bytes that are connected to, after every notation has been resolved; so no spelling of it
can matter. Addresses that carry another inside (mapped, NAT64, 6to4, …) are judged by the inner one.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registry, with multicast, the reserved quarter, and the addresses at which clouds show
# credentials. Written out: `ipaddress.is_global` has changed between releases of Python.
BLOCKED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host, under a public address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
GLOBAL_V6 = IPv6Network("2000::/3")  # nothing beside it is given out for use between networks
BLOCKED_V6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20")
)

_NUMBER = re.compile(r"0x[0-9a-f]{1,16}|0[0-7]{0,16}|[1-9][0-9]{0,16}").fullmatch

# Where an IPv4 address stands in an IPv6 one: the network, and how many bits follow the address.
CARRIERS = (
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 95 of an address whose last 32 are an IPv4 one


class Blocked(Exception):
    """Nothing is sent there. The message names what the sender of the lead wrote, never what it resolved to."""


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be meant by it."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in BLOCKED_V4)
    inner = _carried(address)
    if inner is not None and not is_public(inner):
        return False
    if inner is not None and not _is_isatap(address):
        return True
    return address in GLOBAL_V6 and not any(address in network for network in BLOCKED_V6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if _is_isatap(address):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    for network, following in CARRIERS:
        if address in network:
            return IPv4Address(int(address) >> following & 0xFFFFFFFF)
    return None


def _is_isatap(address: IPv6Address) -> bool:
    return int(address) >> 32 & 0xFFFFFFFF in ISATAP


def parse(text: str) -> Address:
    """An address as a socket names it, with its zone left out. ValueError for what is none."""
    return ip_address(text.partition("%")[0])


@dataclass(frozen=True)
class Policy:
    """What the operator allows beside public addresses: hosts by name, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Policy":
        """Comma-separated host names, addresses and networks."""
        hosts, networks = set(), []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(part, strict=False))
            except ValueError:
                hosts.add(plain(part))
        return cls(frozenset(hosts), tuple(networks))

    def allows(self, host: str, address: Address) -> bool:
        """Whether a request to that host may go to that address."""
        return is_public(address) or self.permits(address) or plain(host) in self.hosts

    def refuses(self, url: str) -> bool:
        """Whether an address can be told from its text to lead where nothing is sent. ValueError if it is none.

        A name may still turn out to be private when it is resolved, or no more to be.
        """
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        address = spelled(host)
        return address is not None and not self.allows(host, address)

    def permits(self, address: Address) -> bool:
        """Whether the address is in a network of the operator's list."""
        return any(address in network for network in self.networks)


def spelled(host: str) -> Address | None:
    """The address that a host spells out, in any notation that resolvers take (`127.1`, `0x7f000001`); None for a
    name. `localhost` is one by its standard."""
    if plain(host) == "localhost" or plain(host).endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return parse(host)
    except ValueError:
        return _loosely_spelled(plain(host))


def _loosely_spelled(host: str) -> IPv4Address | None:
    """As `inet_aton`: up to four numbers, decimal, octal or hexadecimal, the last one filling what is left."""
    parts = host.split(".")
    if len(parts) > 4 or not all(map(_NUMBER, parts)):
        return None
    *leading, last = (_number(part) for part in parts)
    room = 4 - len(leading)
    if any(byte > 255 for byte in leading) or last >= 256**room:
        return None
    return IPv4Address(int.from_bytes(bytes(leading) + last.to_bytes(room, "big"), "big"))


def _number(digits: str) -> int:
    if digits.startswith("0x"):
        return int(digits, 16)
    return int(digits, 8) if digits.startswith("0") else int(digits)


def plain(host: str) -> str:
    """A host's name as it is compared: lower case, without the dot at its end."""
    return host.rstrip(".").lower()
