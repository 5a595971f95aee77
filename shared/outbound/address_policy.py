"""Protection against server-side request forgery (SSRF): which addresses outbound requests may connect to.

Requests may go to public addresses and to those that the operator allows. The decision is made on the bytes of the
address that is connected to, after every notation has been resolved, so that its spelling cannot matter. An address
that contains an IPv4 address (mapped, NAT64, 6to4, …) is judged by the inner one. This module is pure.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

# IANA's special-purpose registry, multicast, the reserved range, and the addresses where clouds serve credentials. The
# list is written out because `ipaddress.is_global` has changed between releases of Python.
BLOCKED_IPV4_NETWORKS = tuple(
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
GLOBAL_IPV6_NETWORK = IPv6Network("2000::/3")  # the only range allocated for use on the internet
BLOCKED_IPV6_NETWORKS = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20")
)

_match_inet_number = re.compile(r"0x[0-9a-f]{1,16}|0[0-7]{0,16}|[1-9][0-9]{0,16}").fullmatch

_match_label = re.compile(r"[a-z0-9_-]{1,63}").fullmatch  # of a host name; those of containers have underscores
MAX_HOST_LENGTH = 253

# IPv6 networks whose addresses contain an IPv4 address, and the number of bits after it.
IPV4_CARRYING_NETWORKS = (
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
ISATAP_MARKERS = (0x00005EFE, 0x02005EFE)  # bits 64 to 95 of an address that ends with an IPv4 address


class BlockedTarget(Exception):
    """Requests to this target are refused. The message contains the target as configured, never its addresses."""


def is_public_address(address: IpAddress) -> bool:
    """Return whether the address is public: reachable on the internet and of no special purpose."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in BLOCKED_IPV4_NETWORKS)
    inner = _carried_ipv4(address)
    if inner is not None and not is_public_address(inner):
        return False
    if inner is not None and not _is_isatap(address):
        return True
    return address in GLOBAL_IPV6_NETWORK and not any(address in network for network in BLOCKED_IPV6_NETWORKS)


def _carried_ipv4(address: IPv6Address) -> IPv4Address | None:
    if _is_isatap(address):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    for network, following in IPV4_CARRYING_NETWORKS:
        if address in network:
            return IPv4Address(int(address) >> following & 0xFFFFFFFF)
    return None


def _is_isatap(address: IPv6Address) -> bool:
    return int(address) >> 32 & 0xFFFFFFFF in ISATAP_MARKERS


def parse_address(text: str) -> IpAddress:
    """Parse an address as a socket reports it, and drop its zone. Raises ValueError for other text."""
    return ip_address(text.partition("%")[0])


@dataclass(frozen=True)
class AddressPolicy:
    """The targets that the operator allows in addition to public addresses: host names and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> "AddressPolicy":
        """Parse comma-separated host names, addresses and networks."""
        hosts, networks = set(), []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ip_network(part, strict=False))
            except ValueError:
                hosts.add(normalised_host(part))
        return cls(frozenset(hosts), tuple(networks))

    def allows_target(self, host: str, address: IpAddress) -> bool:
        """Return whether a request to that host may connect to that address."""
        return is_public_address(address) or self.is_listed(address) or normalised_host(host) in self.hosts

    def refuses_host(self, host: str) -> bool:
        """Return whether the text of a host alone shows that connections to it are refused. Raises ValueError."""
        address = literal_address(_ascii_host(host))
        return address is not None and not self.allows_target(host, address)

    def refuses_url(self, url: str) -> bool:
        """Return whether the text of the URL alone shows that requests to it are refused. Raises ValueError if invalid.

        A host name is only judged when it is resolved, and its addresses may change.
        """
        parts = urlsplit(url)
        host, _ = _ascii_host(parts.hostname or ""), parts.port
        address = literal_address(host)
        return address is not None and not self.allows_target(host, address)

    def is_listed(self, address: IpAddress) -> bool:
        """Return whether the address is in a network of the operator's list."""
        return any(address in network for network in self.networks)


def is_host(text: str) -> bool:
    """Return whether a text is the name of a host, or an address."""
    try:
        return bool(parse_address(text)) if ":" in text else bool(_ascii_host(text))
    except ValueError:
        return False


def _ascii_host(host: str) -> str:
    """Return a host as it is looked up: `127。0。0。1` is an address. Raises ValueError for what no name can be."""
    if ":" in host:  # an IPv6 address
        return host
    if len(host) > MAX_HOST_LENGTH:  # before it is encoded, which takes long for long texts
        raise ValueError("the host is too long")
    name = host.encode("idna").decode().removesuffix(".").lower()
    if not all(map(_is_label, name.split("."))):
        raise ValueError("the host is no name")
    return name


def _is_label(label: str) -> bool:
    is_encoded = label.startswith("xn--")
    return bool(_match_label(label)) and (not is_encoded or bool(label[4:].encode().decode("punycode")))


def literal_address(host: str) -> IpAddress | None:
    """Return the address that a host spells out, in any notation that resolvers accept (`127.1`, `0x7f000001`).

    Returns None for a name, except `localhost`, whose address is fixed by RFC 6761.
    """
    if normalised_host(host) == "localhost" or normalised_host(host).endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return parse_address(host)
    except ValueError:
        return _inet_aton_address(normalised_host(host))


def _inet_aton_address(host: str) -> IPv4Address | None:
    """Parse up to four decimal, octal or hexadecimal numbers as `inet_aton` does: the last one fills the rest."""
    parts = host.split(".")
    if len(parts) > 4 or not all(map(_match_inet_number, parts)):
        return None
    *leading, last = (_inet_number(part) for part in parts)
    room = 4 - len(leading)
    if any(byte > 255 for byte in leading) or last >= 256**room:
        return None
    return IPv4Address(int.from_bytes(bytes(leading) + last.to_bytes(room, "big"), "big"))


def _inet_number(digits: str) -> int:
    if digits.startswith("0x"):
        return int(digits, 16)
    return int(digits, 8) if digits.startswith("0") else int(digits)


def normalised_host(host: str) -> str:
    """Return the host name in the form used for comparison: lower case, without a final dot."""
    return host.rstrip(".").lower()
