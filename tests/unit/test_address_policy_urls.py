"""What a URL's text tells already of where it leads."""

import socket
from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.outbound.address_policy import AddressPolicy, literal_address

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        "https://LOCALHOST.:8443",
        "http://crm.localhost/x",
        "http://127.0.0.1:8000/hook",
        "http://127.1",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://10.0.0.7?x=1",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:80/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00::1]/",
        "http://127\u30020\u30020\u30021/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://\u24db\u24de\u24d2alhost/",
    ],
)
def test_a_private_address_is_refused_in_any_spelling(url: str) -> None:
    assert AddressPolicy().refuses_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.com", "http://8.8.8.8/x", "https://10.example.com", "http://[2606:4700::1111]/"),
        *("http://256.1", "https://stra\u00dfe.de./", "https://xn--strae-oqa.de", "https://\u4f8b\u5b50.\u6d4b\u8bd5/"),
        *("https://my_service:8080/", "https://a-b-.example.com", f"https://{'a' * 63}.de", "https://\U0001f600.com"),
    ],
)
def test_names_and_public_addresses_are_not(url: str) -> None:
    assert not AddressPolicy().refuses_url(url)


def test_addresses_allowed_by_the_operator_are_not_refused() -> None:
    policy = AddressPolicy.from_text("localhost, 10.0.0.0/8")
    assert not policy.refuses_url("http://localhost:5000/")
    assert not policy.refuses_url("http://10.0.0.7/")
    assert policy.refuses_url("http://127.0.0.1:5000/")


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1/",
        "http://example.com:99999/",
        "http://example.com:http/",
        "https://xn--/",
        "https://xn--\u00fc/",
        "https://a..b/",
        "https://.a/",
        "https://" + "\u00fc" * 70 + ".de",
        f"https://{'a' * 64}.de",
        f"https://{'a.' * 1000}de",
        "https://\u202ea.com/",
        "https://a%00b.com/",
    ],
)
def test_malformed_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        AddressPolicy().refuses_url(url)


@given(st.text(alphabet="0123456789abcdefx.", min_size=1, max_size=20))
@example("0x.1")
@example("1.2.3.4.")
@example("08")
def test_host_is_normalised_as_resolvers_read_it(host: str) -> None:
    read = None
    if not host.endswith("."):  # the end of a name, to us
        with suppress(OSError):
            read = IPv4Address(socket.inet_aton(host))
        assert read is None or literal_address(host) == read
