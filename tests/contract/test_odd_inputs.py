"""Strange but legal input is kept as it was sent, and does nothing; noise is never a server error."""

import json
import os
import random
from urllib.parse import quote, urlencode

import aiohttp
import pytest

from tests.contract.service import BATCH, INBOUND, Answer, Service, ask, new_email, post_lead
from tests.contract.texts import HOSTILE

SEED = int(os.environ.get("LEADHUB_TEST_SEED", random.SystemRandom().randrange(2**32)))
ROUNDS = 400
RAW = b"\xff\xfe\xc3("  # legal in a header, as bytes; no UTF-8
ALIVE = {"/api/v1/leads": 200, "/api/v1/me": 200}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_an_attack_is_only_text(client: aiohttp.ClientSession, text: str) -> None:
    kept = text.strip()
    fields = dict.fromkeys(("first_name", "company", "job_title", "source", "notes"), text)
    sent = {"email": new_email(), **fields, "tags": [text], "custom_fields": {text: text, "deep": [{text: text}]}}
    answer = await post_lead(client, sent)
    assert answer.status == 201, answer.raw
    assert "Set-Cookie" not in answer.headers
    lead = (await ask(client, "GET", f"/api/v1/leads/{answer.body['lead_id']}")).body["data"]
    assert {name: lead[name] for name in fields} == dict.fromkeys(fields, kept)
    assert lead["custom_fields"] == {text: text, "deep": [{text: text}]}
    assert [tag.casefold() for tag in lead["tags"]] == [kept.casefold()]
    found = await ask(client, "GET", f"/api/v1/leads?{urlencode({'source': kept})}")
    assert answer.body["lead_id"] in [each["id"] for each in found.body["data"]]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_an_attack_in_an_address_is_refused(client: aiohttp.ClientSession, text: str) -> None:
    for name in ("page", "per_page", "sort", "direction"):
        answer = await ask(client, "GET", f"/api/v1/leads?{urlencode({name: text})}")
        assert (answer.status, answer.code) == (422, "VALIDATION_FAILED"), answer.raw
    for path in ("/api/v1/leads/{}", "/api/v1/leads/{}/activities", "/api/v1/submissions/{}"):
        assert (await ask(client, "GET", path.format(quote(text, safe="")))).status == 404
    answer = await post_lead(client, {"email": new_email()}, f"/api/inbound/leads?{urlencode({'tenant': text})}")
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


HEADERS = [
    "Idempotency-Key",
    "Prefer",
    "X-Request-Id",
    "Content-Type",
    "Accept",
    "User-Agent",
    "Cookie",
    "X-Forwarded-For",
]


@pytest.mark.parametrize("before", [b"", b"Bearer ", b"Bearer lh_"])
@pytest.mark.parametrize("name", [*HEADERS, "Authorization", "Host", "X-Forwarded-Host", "Expect", "Origin"])
@pytest.mark.parametrize("path", [INBOUND, BATCH, "/api/v1/leads", "/api/v1/me", "/api/v1/health"])
def test_bytes_in_a_header_are_no_server_error(service: Service, key: str, name: str, path: str, before: bytes) -> None:
    body = json.dumps([{"email": new_email()}] if path == BATCH else {"email": new_email()}).encode()
    method = b"POST" if path in (INBOUND, BATCH) else b"GET"
    lines = {b"Host": b"x", b"Authorization": f"Bearer {key}".encode(), b"Content-Length": str(len(body)).encode()}
    lines[name.encode()] = before + RAW
    head = b"%s %s HTTP/1.1\r\n" % (method, path.encode())
    with service.connect() as connection:
        connection.sendall(head + b"".join(b"%s: %s\r\n" % line for line in lines.items()) + b"\r\n" + body)
        status = int(connection.recv(12).split()[1])
    assert status < 500, status
    if name == "Authorization" and path != "/api/v1/health":
        assert status == 401


async def test_noise_is_never_a_server_error(client: aiohttp.ClientSession) -> None:
    print(f"LEADHUB_TEST_SEED={SEED}")
    noise = random.Random(SEED)
    for number in range(ROUNDS):
        media, body = _noisy(noise)
        path = noise.choice((INBOUND, BATCH))
        answer = await ask(client, "POST", path, data=body, headers={"Content-Type": media})
        assert answer.status in _fitting(path), f"seed {SEED}, number {number}: {media} {body!r}: {answer.raw!r}"
    for path, status in ALIVE.items():
        assert (await ask(client, "GET", path)).status == status


def _fitting(path: str) -> set[int]:
    return {400, 415, 422, 201 if path == INBOUND else 200}


def _noisy(noise: random.Random) -> tuple[str, bytes]:
    """A good body after some accidents, or a body that never was one."""
    media = noise.choice(
        ("application/json", "application/json; charset=x", "application/x-www-form-urlencoded", "application/x-ndjson")
    )
    if noise.random() < 0.2:
        return media, noise.randbytes(noise.randrange(300))
    lead = {"email": new_email(), "first_name": _text(noise), "tags": [_text(noise)], "custom_fields": _value(noise, 4)}
    body = bytearray(json.dumps(noise.choice((lead, [lead], [lead, _value(noise, 3)]))).encode())
    for _ in range(noise.randrange(4)):
        place = noise.randrange(len(body))
        body[place : place + noise.randrange(3)] = noise.randbytes(noise.randrange(3))
    return media, bytes(body)


def _text(noise: random.Random) -> str:
    return "".join(
        chr(noise.choice((noise.randrange(128), noise.randrange(0x1_0000)))) for _ in range(noise.randrange(20))
    )


def _value(noise: random.Random, levels: int) -> object:
    kinds = (None, True, noise.randrange(-(2**70), 2**70), noise.uniform(-1e308, 1e308), _text(noise))
    if not levels or noise.random() < 0.4:
        return noise.choice(kinds)
    if noise.random() < 0.5:
        return [_value(noise, levels - 1) for _ in range(noise.randrange(4))]
    return {_text(noise): _value(noise, levels - 1) for _ in range(noise.randrange(4))}


async def test_every_answer_to_nonsense_is_json(client: aiohttp.ClientSession) -> None:
    answers: list[Answer] = [
        await ask(client, method, path)
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
        for path in (
            "/api",
            "/api/",
            "/api/v1/",
            "/api//v1/leads",
            "/api/v1/leads/",
            "/api/v1/../v1/me%2f",
            "/api/v2/leads",
        )
    ]
    assert {answer.headers["Content-Type"].split(";")[0] for answer in answers} == {"application/json"}
    assert max(answer.status for answer in answers) < 500


@pytest.mark.parametrize("path", [INBOUND, BATCH, "/api/v1/tags"])
async def test_invalid_json_is_reported_by_line_and_column(client: aiohttp.ClientSession, path: str) -> None:
    opening = "[" if path == BATCH else ""
    body = opening + '{\n  "name": "a",\n  email: 1}'
    answer = await ask(client, "POST", path, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")
    assert "line 3, column 3" in answer.body["message"]
