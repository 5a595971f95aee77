"""No request reaches a private address, however it is written, whatever its name resolves to."""

import asyncio
import socket

import pytest

from services.workers.deliveries.http_client import (
    ADDRESS_BLOCKED_MESSAGE,
    INVALID_ADDRESS_MESSAGE,
    UNKNOWN_HOST_MESSAGE,
    AddressLookup,
    HttpClient,
    SafeResolver,
    system_lookup,
)
from services.workers.deliveries.types import AttemptResult, HttpRequest
from shared.outbound.address_policy import AddressPolicy
from tests.support.receivers import Receiver, receiving

pytestmark = pytest.mark.integration

HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.000.000.001",
    "00000177.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1.",
    "127.0.0.2",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "１２７.0.0.1",
    "%31%32%37.0.0.1",
    "user@127.0.0.1",
    "example.com@127.0.0.1",
    "example.com:80@127.0.0.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::1%25lo]",
    "[fe80::1%25lo]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "192.168.0.1",
    "100.100.100.200",
    "metadata.private.test",
]


async def _lookup(host: str, port: int) -> list[str]:
    """The system's resolver, with a name of our own."""
    return ["169.254.169.254"] if host == "metadata.private.test" else await system_lookup(host, port)


async def _call(url: str, allowed: str = "", lookup: AddressLookup = _lookup) -> AttemptResult:
    caller = HttpClient(SafeResolver(AddressPolicy.from_text(allowed), lookup), timeout_seconds=5)
    try:
        return await caller.send_request(HttpRequest(url, {}, b"{}", {}))
    finally:
        await caller.close()


@pytest.mark.parametrize("host", HOSTS)
async def test_private_addresses_are_never_connected_to(receiver: Receiver, host: str) -> None:
    port = receiver.url.rpartition(":")[2]
    answer = await _call(f"http://{host}:{port}/")
    assert answer.status is None
    assert answer.error in (ADDRESS_BLOCKED_MESSAGE, INVALID_ADDRESS_MESSAGE, UNKNOWN_HOST_MESSAGE)
    assert receiver.requests == []


async def test_a_name_is_resolved_once_and_that_address_is_connected_to(receiver: Receiver) -> None:
    port, asked = receiver.url.rpartition(":")[2], []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1" if len(asked) == 1 else "127.0.0.1"]

    answer = await _call(f"http://rebinding.test:{port}/", "192.0.2.0/24", rebinding)
    assert answer.error
    assert asked == ["rebinding.test"]
    assert receiver.requests == []


async def test_name_with_one_private_address_is_refused(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2]

    async def mixed(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "127.0.0.1"]

    assert (await _call(f"http://mixed.test:{port}/", "", mixed)).error == ADDRESS_BLOCKED_MESSAGE
    assert receiver.requests == []


async def test_a_redirect_to_a_private_address_is_not_followed(receiver: Receiver) -> None:
    async with receiving() as private:
        receiver.status(307, {"Location": private.url})
        answer = await _call(receiver.url, "127.0.0.1")
        assert answer.status == 307
        assert private.requests == []


async def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await _call(receiver.url, "127.0.0.1")).status == 200
        assert proxy.requests == []


@pytest.mark.parametrize("allowed", ["127.0.0.0/8", "127.0.0.1", "receiver.test"])
async def test_allowed_private_target_is_reached_under_its_name(receiver: Receiver, allowed: str) -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    port = receiver.url.rpartition(":")[2]
    answer = await _call(f"http://receiver.test:{port}/", allowed, lookup)
    assert answer.status == 200
    assert receiver.requests[0].headers["Host"] == f"receiver.test:{port}"


async def test_receiver_that_never_answers_times_out(receiver: Receiver) -> None:
    receiver.hold()
    caller = HttpClient(SafeResolver(AddressPolicy.from_text("127.0.0.1")), timeout_seconds=0.3)
    answer = await asyncio.wait_for(caller.send_request(HttpRequest(receiver.url, {}, b"{}", {})), 60)
    await caller.close()
    assert answer.error is not None
    assert answer.error.startswith("No answer came")


async def test_no_socket_is_made_to_an_address_that_was_not_asked_about() -> None:
    """Whatever way a client may find around the resolver."""
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    gate = SafeResolver(AddressPolicy.from_text("localhost"))
    with pytest.raises(PermissionError):
        gate.make_socket(info)
    await gate.allowed_addresses("localhost", 80)
    gate.make_socket(info).close()
