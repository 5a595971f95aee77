"""Which addresses requests may go to: every form in which an address can carry another."""

import ipaddress
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from AntiSSRF import AntiSSRFPolicy, PolicyConfigOptions  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from shared.outbound.address_policy import (
    BLOCKED_IPV4_NETWORKS,
    GLOBAL_IPV6_NETWORK,
    AddressPolicy,
    IpAddress,
    is_public_address,
    parse_address,
)
from shared.outbound.address_policy import BLOCKED_IPV6_NETWORKS as BLOCKED_V6_NETWORKS

pytestmark = pytest.mark.unit

v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)
PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "9.9.9.9", "172.32.0.1", "100.128.0.1", "93.184.216.34"]
BLOCKED_V6 = [
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2606:4700::5efe:10.0.0.1",
    "fe80::5efe:8.8.8.8",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "4000::1",
]


@pytest.mark.parametrize("text", PRIVATE + BLOCKED_V6)
def test_no_request_goes_there(text: str) -> None:
    assert not is_public_address(parse_address(text))


@pytest.mark.parametrize(
    "text", [*PUBLIC, "2606:4700:4700::1111", "2a00:1450:4001::1", "64:ff9b::8.8.8.8", "2002:808:808::1"]
)
def test_the_internet_is_open(text: str) -> None:
    assert is_public_address(parse_address(text))


def _carriers(address: IPv4Address) -> list[IPv6Address]:
    inner = int(address)
    return [
        IPv6Address(inner),
        IPv6Address(0xFFFF << 32 | inner),
        IPv6Address(0xFFFF << 48 | inner),
        IPv6Address((0x64FF9B << 96) | inner),
        IPv6Address(0x2002 << 112 | inner << 80 | 1),
    ]


@given(v4)
def test_an_address_inside_another_is_judged_by_itself(address: IPv4Address) -> None:
    for outer in _carriers(address):
        assert is_public_address(outer) == is_public_address(address)
    for tunnel in (0x5EFE, 0x0200_5EFE):
        isatap = IPv6Address(0x2606_4700 << 96 | tunnel << 32 | int(address))
        assert is_public_address(isatap) == is_public_address(address)


@given(v4)
def test_addresses_that_python_calls_local_are_never_public(address: IPv4Address) -> None:
    if is_public_address(address):
        assert address.is_global
        assert not any((address.is_multicast, address.is_reserved, address.is_loopback, address.is_link_local))


@given(v6)
def test_nor_in_ipv6(address: IPv6Address) -> None:
    if is_public_address(address) and address in IPv6Network("2000::/3") and address.sixtofour is None:
        assert address.is_global
        assert not any((address.is_multicast, address.is_reserved, address.is_site_local))


@given(st.sampled_from(BLOCKED_IPV4_NETWORKS), st.data())
def test_every_address_of_a_blocked_network_is(network: IPv4Network, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, network.num_addresses - 1))
    assert not is_public_address(network.network_address + offset)


# Microsoft's list of addresses that a server must not send requests to, as an independent opinion.
ORACLE = [block.get_network() for block in AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST).denied_addresses]
# Where this guard differs on purpose, with the reason.
OPEN_HERE = {
    IPv6Network("64:ff9b::/96"): "NAT64 leads to the IPv4 address inside, which is judged instead",
    IPv6Network("2002::/16"): "6to4 leads to the IPv4 address inside, which is judged instead",
}
CLOSED_HERE: dict[str, Callable[[IPv6Address], bool]] = {
    "nothing outside 2000::/3 is given out for use on the internet; the oracle lists only what has a special purpose": (
        lambda address: address not in IPv6Network("2000::/3")
    ),
    "the 6bone's addresses were returned in 2006": lambda address: address in IPv6Network("3ffe::/16"),
    "ISATAP leads to the IPv4 address inside, which the oracle does not look at": (
        lambda address: int(address) >> 32 & 0xFFFFFFFF in (0x5EFE, 0x0200_5EFE)
    ),
}


def _oracle_allows(address: IpAddress) -> bool:
    mapped = IPv6Address(0xFFFF << 32 | int(address)) if isinstance(address, IPv4Address) else address
    return not any(mapped in network for network in ORACLE)


def _edges(network: IPv4Network | IPv6Network) -> Iterator[IpAddress]:
    """The first and last addresses of a network, and their neighbours outside it."""
    largest = 2**network.max_prefixlen - 1
    first, last = int(network.network_address), int(network.broadcast_address)
    for number in (first - 1, first, first + 1, last - 1, last, last + 1):
        if 0 <= number <= largest:
            yield type(network.network_address)(number)


def _assert_agreement(address: IpAddress) -> None:
    if is_public_address(address) == _oracle_allows(address):
        return
    assert isinstance(address, IPv6Address), address
    if is_public_address(address):
        assert any(address in network for network in OPEN_HERE), address
    else:
        assert any(is_reason(address) for is_reason in CLOSED_HERE.values()), address


def test_the_edges_of_every_network_are_judged_as_microsofts_library_judges_them() -> None:
    ipv4_networks = [*BLOCKED_IPV4_NETWORKS, *(IPv4Network(text) for text in ("1.1.1.0/24", "64.0.0.0/3"))]
    for network in [*ORACLE, *ipv4_networks, *BLOCKED_V6_NETWORKS, GLOBAL_IPV6_NETWORK, *OPEN_HERE]:
        for address in _edges(network):
            _assert_agreement(address)
    for address in (edge for network in ipv4_networks for edge in _edges(network)):
        assert isinstance(address, IPv4Address)
        for outer in _carriers(address):
            _assert_agreement(outer)


@given(
    v4
    | v6
    | st.ip_addresses(network="2000::/3")
    | st.sampled_from(ORACLE).flatmap(lambda n: st.ip_addresses(network=n))
)
def test_any_address_is_judged_as_microsofts_library_judges_it(address: IpAddress) -> None:
    _assert_agreement(address)


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("64:ff9b::8.8.8.8", True),
        ("2002:808:808::1", True),
        ("::127.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("4000::1", False),
        ("3ffe::1", False),
        ("2606:4700::5efe:10.0.0.1", False),
    ],
)
def test_every_listed_difference_is_real(text: str, is_open: bool) -> None:
    assert (is_public_address(parse_address(text)), _oracle_allows(parse_address(text))) == (is_open, not is_open)


def test_the_operator_allows_hosts_by_name_and_networks() -> None:
    policy = AddressPolicy.from_text(" Internal.example. , 10.1.0.0/16,127.0.0.1, fd00::/8 ,")
    assert policy.allows_target("internal.example", ipaddress.ip_address("10.9.9.9"))
    assert policy.allows_target("INTERNAL.example.", ipaddress.ip_address("::1"))
    assert policy.allows_target("other.example", ipaddress.ip_address("10.1.2.3"))
    assert policy.allows_target("127.0.0.1", ipaddress.ip_address("127.0.0.1"))
    assert policy.allows_target("v6.example", ipaddress.ip_address("fd12::1"))
    assert not policy.allows_target("other.example", ipaddress.ip_address("10.2.0.1"))
    assert not policy.allows_target("other.example", ipaddress.ip_address("::ffff:10.2.0.1"))
    assert not policy.allows_target("127.0.0.1", ipaddress.ip_address("127.0.0.2"))
    assert not policy.allows_target("x.internal.example", ipaddress.ip_address("10.9.9.9"))
    assert not AddressPolicy.from_text("").allows_target("", ipaddress.ip_address("127.0.0.1"))
