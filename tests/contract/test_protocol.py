"""What is no HTTP gets the same envelope, and leaves nothing of itself in the logs."""

import gzip
import json
import secrets
import zlib
from collections.abc import Callable

import aiohttp
import pytest
from multidict import CIMultiDict

from tests.contract.service import INBOUND, Service, ask, new_email
from tests.support.waiting import until

HEAD = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n"
BROKEN = {
    "no host": b"GET /api/v1/health HTTP/1.1\r\n\r\n",
    "no method": b"FOO%BAR /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /api/v1/health HTTP/9.9\r\nHost: x\r\n\r\n",
    "long address": b"GET /api/v1/health?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": HEAD + b"A: " + b"a" * 9_000 + b"\r\n\r\n",
    "many headers": HEAD + b"".join(b"A%d: a\r\n" % n for n in range(40_000)) + b"\r\n",
    "control character": HEAD + b"A: \x01\r\n\r\n",
    "space in a name": HEAD + b"A B: c\r\n\r\n",
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "smuggling": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
}
BROKEN_BODIES = [
    (b"Content-Encoding: gzip\r\nContent-Length: 7", b"garbage"),
    (b"Content-Encoding: deflate\r\nContent-Length: 3", b"\xff\xff\xff"),
    (b"Content-Encoding: gzip\r\nContent-Length: 20", gzip.compress(b'{"email":"a@example.com"}', mtime=0)[:20]),
    (b"Content-Encoding: gzip\r\nContent-Length: 40", gzip.compress(b'{"email":"a@example.com"}', mtime=0)[:40]),
    (b"Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer-Encoding: chunked", b"2\r\n{}x\r\n0\r\n\r\n"),
]


@pytest.mark.parametrize("values", [("a", "b"), ("a", "a"), ("a", "")])
async def test_two_idempotency_keys_are_refused(client: aiohttp.ClientSession, values: tuple[str, str]) -> None:
    headers = CIMultiDict([("Idempotency-Key", value) for value in values])
    answer = await ask(client, "POST", INBOUND, json={"email": new_email()}, headers=headers)
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert "Send one Idempotency-Key" in answer.body["message"]


@pytest.mark.parametrize("request_bytes", BROKEN.values(), ids=BROKEN)
def test_malformed_http_gets_the_error_envelope(service: Service, request_bytes: bytes) -> None:
    head, body = _answer(service, request_bytes)
    assert int(head.split()[1]) in range(400, 500)
    assert json.loads(body)["status"] == "error"
    assert b"\r\nx-request-id:" in head.lower()
    assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in head


@pytest.mark.parametrize(("header", "body"), BROKEN_BODIES)
def test_a_body_that_breaks_its_own_encoding_is_400(service: Service, header: bytes, body: bytes) -> None:
    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.stack.key}\r\n".encode()
    head, answer = _answer(service, head + header + b"\r\n\r\n" + body)
    assert head.split()[1] == b"400"
    assert json.loads(answer)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(("header", "body"), BROKEN_BODIES)
def test_a_client_is_told_that_its_connection_ends(service: Service, header: bytes, body: bytes) -> None:
    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.stack.key}\r\n".encode()
    with service.connect() as connection:
        connection.sendall(head + header + b"\r\n\r\n" + body)
        told = connection.recv(65536).partition(b"\r\n\r\n")[0]
        if told.startswith(b"HTTP/1.0") or b"\r\nconnection: close" in told.lower():
            assert connection.recv(1) == b""
        else:
            connection.sendall(HEAD + b"\r\n")
            assert connection.recv(65536).split()[1] == b"200"


@pytest.mark.parametrize("name", ["compress", "x-gzip", "gzip, gzip", "bogus", "br", "aes128gcm"])
def test_an_encoding_that_is_not_known_is_415(service: Service, name: str) -> None:
    """On both ways through a connection: what follows another request may go the express way."""
    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.stack.key}\r\n"
    sent = f"{head}Content-Encoding: {name}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with service.connect() as connection:
        connection.sendall(HEAD + b"\r\n")
        assert connection.recv(65536).split()[1] == b"200"
        connection.sendall(sent)
        first = connection.recv(65536)
    for answer in (first, b"\r\n\r\n".join(_answer(service, sent))):
        head, _, body = answer.decode().partition("\r\n\r\n")
        assert (head.split()[1], json.loads(body)["code"]) == ("415", "UNSUPPORTED_MEDIA_TYPE")
        assert "\r\nAccept-Encoding: gzip, deflate\r\n" in head
        assert "\r\nAccess-Control-Allow-Origin: *\r\n" in head


@pytest.mark.parametrize("name", ["br", "zstd", "bogus"])
def test_a_refused_encoding_is_found_in_the_log_by_the_callers_id(service: Service, name: str) -> None:
    id_ = f"refused-{secrets.token_hex(8)}"
    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.stack.key}\r\n"
    sent = f"{head}x-request-id: {id_} \r\nContent-Encoding: {name}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    answered, _ = _answer(service, sent)
    assert answered.startswith(b"HTTP/1.1 415 ")
    assert f"\r\nX-Request-Id: {id_}\r\n".encode() in answered

    def is_logged() -> bool:
        logs = (service.stack.folder / "logs").glob("gateway*")
        return any(id_.encode() in path.read_bytes() for path in logs)

    until(is_logged, what="its line in the log")


@pytest.mark.parametrize(("name", "compress"), [("gzip", gzip.compress), ("Deflate", zlib.compress)])
async def test_a_compressed_lead_is_taken(
    client: aiohttp.ClientSession, name: str, compress: Callable[[bytes], bytes]
) -> None:
    body = compress(json.dumps({"email": new_email()}).encode())
    headers = {"Content-Encoding": name, "Content-Type": "application/json"}
    assert (await ask(client, "POST", INBOUND, data=body, headers=headers)).status == 201


def test_a_refused_client_is_told_that_its_connection_ends_if_its_body_is_compressed(service: Service) -> None:
    body = gzip.compress(b"{}")
    for path in (INBOUND, "/api/v1/nothing", "/api/v1/health"):
        head, _ = _answer(service, _compressed(f"POST {path}", body))
        assert head.split()[1] == (b"405" if path.endswith("health") else b"401")
        assert b"\r\nConnection: close" in head


def _compressed(request: str, body: bytes) -> bytes:
    return (
        f"{request} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def test_a_bomb_is_refused_by_what_it_unpacks_to(service: Service) -> None:
    bomb = gzip.compress(b" " * 100_000_000, mtime=0)
    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.stack.key}\r\n".encode()
    coded = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert _answer(service, head + coded + bomb)[0].split()[1] == b"413"


@pytest.mark.parametrize("line", [b"Authorization: Bearer %s\x01", b"%s \x02: x", b"Cookie: %s\x00"])
def test_malformed_http_is_neither_logged_nor_echoed(service: Service, line: bytes) -> None:
    canary = secrets.token_hex(16).encode()
    assert canary not in b"".join(_answer(service, HEAD + line % canary + b"\r\n\r\n"))
    logs = b"".join(path.read_bytes() for path in (service.stack.folder / "logs").iterdir())
    assert canary not in logs


def test_a_client_that_leaves_is_no_trouble_of_the_database(service: Service) -> None:
    def lines() -> list[bytes]:
        logs = (service.stack.folder / "logs").glob("gateway*")
        return b"".join(path.read_bytes() for path in logs).splitlines()

    head = f"POST {INBOUND} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.stack.key}\r\n"
    ids = [f"left-{secrets.token_hex(8)}" for _ in range(30)]
    for number, id_ in enumerate(ids):
        body = json.dumps({"email": f"{id_}@example.com"})
        rest = f"X-Request-Id: {id_}\r\nContent-Length: {len(body) + number % 2}\r\n\r\n{body}"  # every other is cut
        with service.connect() as connection:
            connection.sendall((head + rest).encode())

    def told() -> list[bytes]:
        _answer(service, HEAD + b"\r\n")  # lines wait for the next
        return [line for line in lines() if any(id_.encode() in line for id_ in ids)]

    until(lambda: len(told()) >= len(ids), what="a line for each request")
    assert not [line for line in told() if b"database_away" in line or b'"status":5' in line]


def _answer(service: Service, request_bytes: bytes) -> tuple[bytes, bytes]:
    with service.connect() as connection:
        connection.sendall(request_bytes)
        connection.settimeout(5)
        head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
    return head, body
