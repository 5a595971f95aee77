"""A request on the express way and its like on aiohttp's way are answered alike, whatever comes over one connection.

A parameter that means nothing is what sends a request the ordinary way: the express takes only the plainest address.
"""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.contract.corpus import everything
from tests.contract.service import INBOUND, Service
from tests.support.stack import Stack, running_stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import until

EXPRESS, ORDINARY = INBOUND, f"{INBOUND}&_any="
VOLATILE = {"x-request-id", "date", "x-ratelimit-remaining", "location"}
ANSWER = dict[str, Any]


@pytest.fixture(scope="module", params=first_in_tier(True, False, ids=["fast-path", "plain"]))
def has_fast_path(request: pytest.FixtureRequest) -> bool:
    """Both forms of the service: with the fast path, and with `LEADHUB_FAST_PATH` off."""
    return bool(request.param)


@pytest.fixture(scope="module")
def service(has_fast_path: bool, shared_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The shared service, or one of this module's own that has no fast path."""
    if has_fast_path:
        shared_stack.until_settled()
        yield Service(shared_stack)
    else:
        with running_stack(tmp_path_factory.mktemp("plain"), {"LEADHUB_FAST_PATH": "false"}) as stack:
            stack.until_settled()
            yield Service(stack)


def new_lead(**fields: Any) -> bytes:
    return json.dumps({"email": f"{uuid.uuid4().hex}@example.com", **fields}).encode()


BODIES = [new_lead(tags=["a"], phone="+1 (212) 555-0188"), *[case.body for case in everything()[::25]], b"x" * 300_000]


def post(path: str, key: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def receive(connection: socket.socket, n: int = 1) -> list[tuple[int, dict[str, str], ANSWER]]:
    """The next `n` answers of a connection: status, headers by lower-case name, body."""
    file, answers = connection.makefile("rb"), []
    for _ in range(n):
        status = int(file.readline().split()[1])
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        answers.append((status, headers, json.loads(file.read(int(headers["content-length"])))))
    return answers


def exchange(service: Service, *requests: bytes) -> list[tuple[int, dict[str, str], ANSWER]]:
    with service.connect() as connection:
        connection.sendall(b"".join(requests))
        return receive(connection, len(requests))


@contextmanager
def crowd(service: Service, request: bytes) -> Iterator[list[socket.socket]]:
    """Many connections, each of which has sent this by the time that it is accepted."""
    with ExitStack() as stack:
        connections = [stack.enter_context(service.connect()) for _ in range(60)]
        for connection in connections:
            connection.sendall(request)
        yield connections


def is_express(answer: tuple[int, dict[str, str], ANSWER]) -> bool:
    """Whether it came on the express way, which sends the request's id ahead of the body's type."""
    names = list(answer[1])
    return names.index("x-request-id") < names.index("content-type")


def second(service: Service, request: bytes) -> tuple[int, dict[str, str], ANSWER]:
    """The answer to a connection's second request: its first may go the ordinary way."""
    with service.connect() as connection:
        connection.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        receive(connection)
        connection.sendall(request)
        return receive(connection)[0]


@pytest.mark.usefixtures("one_hour")
@pytest.mark.parametrize("prefer", ["respond-async", "wait=20"])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_fast_path_answers_like_aiohttp(service: Service, body: bytes, prefer: str) -> None:
    headers = (f"Prefer: {prefer}", "X-Request-Id: the-same", "Content-Type: application/json")
    key = service.stack.key
    status, sent, told = second(service, post(EXPRESS, key, body, *headers))
    status_too, sent_too, told_too = second(service, post(ORDINARY, key, body, *headers))
    assert status == status_too
    assert sent.keys() == sent_too.keys()
    for name in sent.keys() - VOLATILE - {"content-length"}:
        assert sent[name] == sent_too[name], name
    assert told["status"] == told_too["status"]
    assert told.get("errors") == told_too.get("errors")


def test_pipelined_requests_are_answered_in_their_order_on_both_ways(service: Service) -> None:
    key = service.stack.key
    paths = [EXPRESS, ORDINARY, EXPRESS, EXPRESS, ORDINARY, EXPRESS] * 5
    ids = [f"pipelined-{number}" for number in range(len(paths))]
    wanted = [
        post(path, key, new_lead() if number % 7 else b"{}", f"X-Request-Id: {id_}")
        for number, (path, id_) in enumerate(zip(paths, ids, strict=True))
    ]
    with service.connect() as connection:
        connection.sendall(post(EXPRESS, key, new_lead()))
        receive(connection)
        connection.sendall(b"".join(wanted))
        answers = receive(connection, len(wanted))
    assert [headers["x-request-id"] for _, headers, _ in answers] == ids
    assert [status for status, _, _ in answers] == [201 if number % 7 else 422 for number in range(len(paths))]


def test_pipelined_requests_are_answered_in_order(service: Service) -> None:
    key = service.stack.key
    paths = [EXPRESS, EXPRESS, ORDINARY, EXPRESS, ORDINARY, ORDINARY, EXPRESS]
    ids = [f"at-once-{number}" for number in range(len(paths))]
    wanted = b"".join(
        post(path, key, b"{}" if number == 3 else new_lead(), f"X-Request-Id: {id_}")
        for number, (path, id_) in enumerate(zip(paths, ids, strict=True))
    )
    with crowd(service, wanted) as connections:
        for connection in connections:
            connection.sendall(wanted)
        for connection in connections:
            answers = receive(connection, 2 * len(ids))
            assert [headers["x-request-id"] for _, headers, _ in answers] == 2 * ids
            assert [status for status, _, _ in answers] == 2 * [201, 201, 201, 422, 201, 201, 201]


def test_a_crowd_takes_the_express_way_with_its_first_request(service: Service, has_fast_path: bool) -> None:
    key = service.make_key("write:leads")
    exchange(service, post(EXPRESS, key, new_lead()))  # from here on the key is in memory
    with crowd(service, post(EXPRESS, key, new_lead(), "Prefer: respond-async")) as connections:
        for connection in connections:
            assert is_express(receive(connection)[0]) == has_fast_path
            # Its task is still about to come to its end, but for the loop's turn.
            connection.sendall(post(ORDINARY, key, b"{}"))
            assert not is_express(receive(connection)[0])
            connection.sendall(post(EXPRESS, key, b"{}"))
            assert is_express(receive(connection)[0]) == has_fast_path


def test_a_request_in_pieces_is_taken_too(service: Service) -> None:
    request = post(EXPRESS, service.stack.key, new_lead(company="x" * 200))
    with service.connect() as connection:
        for _ in range(2):
            for at in range(0, len(request), 50):
                connection.sendall(request[at : at + 50])
            assert receive(connection)[0][0] == 201


def test_requests_with_repeated_heads_are_handled_one_by_one(service: Service) -> None:
    key, other = service.stack.key, service.make_key("read:leads")
    with service.connect() as connection:
        for number, status in enumerate([201, 201, 201, 422, 201, 403, 201, 201, 201]):
            body = b"{}" if status == 422 else new_lead(notes="x" * number * 100)
            connection.sendall(post(EXPRESS, other if status == 403 else key, body))
            assert receive(connection)[0][0] == status
            if number == 6:  # one in pieces, and one together with the next
                request = post(EXPRESS, key, new_lead())
                connection.sendall(request[:-5])
                connection.sendall(request[-5:] + post(EXPRESS, key, b"{}"))
                assert [status for status, _, _ in receive(connection, 2)] == [201, 422]


def test_a_request_with_a_known_head_does_not_overtake_those_that_wait(service: Service) -> None:
    key, ids = service.stack.key, [f"in-order-{number}" for number in range(12)]
    known = post(EXPRESS, key, new_lead())
    with service.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(2):
            connection.sendall(known)
            receive(connection)
        for number, id_ in enumerate(ids):  # each a segment of its own, most of them while another is under way
            connection.sendall(known if number % 3 else post(ORDINARY, key, new_lead(), f"X-Request-Id: {id_}"))
        answers = receive(connection, len(ids))
    assert [headers["x-request-id"] for _, headers, _ in answers][::3] == ids[::3]


def test_a_key_that_is_revoked_between_two_requests_is_refused(service: Service) -> None:
    key, id_ = service.create_key("write:leads")
    with service.connect() as connection:

        def status() -> int:
            connection.sendall(post(EXPRESS, key, new_lead(), "Prefer: respond-async"))
            return receive(connection)[0][0]

        assert [status(), status()] == [202, 202]
        service.stack.run("key", "revoke", str(id_))
        until(lambda: status() == 401, what="the refusal of a revoked key")


def test_a_client_that_leaves_at_once_leaves_its_lead(service: Service) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    body = json.dumps({"email": email}).encode()
    with service.connect() as connection:
        connection.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        receive(connection)
        connection.sendall(post(EXPRESS, service.stack.key, body))
    # The one who comes after finds it, or is found by it: either way there is one lead.
    first, second = (exchange(service, post(EXPRESS, service.stack.key, body))[0] for _ in range(2))
    assert first[2]["lead_id"] == second[2]["lead_id"]
    assert second[2]["is_duplicate"] is True


@pytest.mark.usefixtures("one_hour")
def test_a_limited_key_is_counted_on_both_ways(service: Service) -> None:
    key = service.make_key("write:leads", rate_limit=1000)
    remaining = []
    with service.connect() as connection:
        for number in range(30):
            path = ORDINARY if number % 3 else EXPRESS
            connection.sendall(post(path, key, new_lead(), "Prefer: respond-async"))
            remaining.append(int(receive(connection)[0][1]["x-ratelimit-remaining"]))
    assert remaining == list(range(999, 969, -1))


@pytest.mark.parametrize("host", [b"Host: x\r\n", b""])
def test_http_1_0_is_answered_too(service: Service, host: bytes) -> None:
    request = post(EXPRESS, service.stack.key, new_lead(), "Connection: keep-alive")
    request = request.replace(b"HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.0\r\n" + host)
    assert [status for status, _, _ in exchange(service, request, request)] == [201, 201]
