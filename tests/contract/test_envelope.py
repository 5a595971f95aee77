"""The envelope: what every answer has in common."""

import aiohttp
import pytest

from tests.contract.service import BATCH, INBOUND, Service, ask, new_email, post_lead

ROUTES = [
    ("POST", INBOUND),
    ("POST", BATCH),
    ("GET", "/api/v1/leads"),
    ("GET", "/api/v1/leads/1"),
    ("GET", "/api/v1/leads/1/activities"),
    ("GET", "/api/v1/submissions/00000000-0000-7000-8000-000000000000"),
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/health"),
]
ALLOWED = {"authorization", "content-type", "accept", "prefer", "idempotency-key", "x-request-id"}
EXPOSED = {
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
    *("retry-after", "location", "x-request-id", "idempotent-replayed"),
}
NO_IDS = [
    "0",
    "-1",
    "abc",
    "1.5",
    "9223372036854775808",
    "99999999999999999999999",
    "1%00",
    "%D9%A1",
    "1e3",
    " 1",
    "+1",
]


def listed(value: str) -> set[str]:
    """A comma-separated header's members, in lower case."""
    return {part.strip().lower() for part in value.split(",")}


@pytest.mark.parametrize("path", [path for _, path in ROUTES] + ["/api/v1/anything/at/all"])
async def test_options_are_answered_to_anybody(nobody: aiohttp.ClientSession, path: str) -> None:
    answer = await ask(nobody, "OPTIONS", path, headers={"Origin": "https://example.com"})
    assert (answer.status, answer.raw) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert listed(answer.headers["Access-Control-Allow-Methods"]) >= {"get", "post", "put", "patch", "delete"}
    assert listed(answer.headers["Access-Control-Allow-Headers"]) >= ALLOWED
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_options_elsewhere_need_no_key_to_be_told_that_there_is_nothing(nobody: aiohttp.ClientSession) -> None:
    answer = await ask(nobody, "OPTIONS", "/nowhere")
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_answer_opens_itself_to_scripts_of_any_site(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession, method: str, path: str, with_key: bool
) -> None:
    answer = await ask(client if with_key else nobody, method, path, headers={"Origin": "https://example.com"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert listed(answer.headers["Access-Control-Expose-Headers"]) >= EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("sent", ["abc-123", "9f5c2d0e-6b1a-4b4e-9b0e-1f0b7d1a2c3d"])
async def test_a_sane_request_id_comes_back(client: aiohttp.ClientSession, sent: str) -> None:
    assert (await ask(client, "GET", "/api/v1/me", headers={"X-Request-Id": sent})).headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["a b", "x" * 5000, "<script>", "\u00e4", "a,b;c"])
async def test_any_other_request_id_is_replaced(client: aiohttp.ClientSession, sent: str) -> None:
    answer = await ask(client, "GET", "/api/v1/me", headers={"X-Request-Id": sent})
    assert answer.status == 200
    assert answer.headers["X-Request-Id"] not in ("", sent)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_method_that_is_not_there_is_405_with_allow(
    client: aiohttp.ClientSession, method: str, path: str
) -> None:
    answer = await ask(client, "PROPFIND", path)
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert method in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/openapi.json", "/api/documentation"])
async def test_no_key_is_needed_to_learn_what_a_public_address_takes(nobody: aiohttp.ClientSession, path: str) -> None:
    answer = await ask(nobody, "POST", path, json={})
    assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/inbound/nothing", "/api/v1/leads/1/nothing", "/api/v1"])
async def test_an_unknown_address_is_404(client: aiohttp.ClientSession, path: str) -> None:
    answer = await ask(client, "GET", path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/nothing"), ("DELETE", "/api/v1/leads"), ("GET", "/x")])
async def test_unknown_routes_answer_401_without_a_key(nobody: aiohttp.ClientSession, method: str, path: str) -> None:
    answer = await ask(nobody, method, path)
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


async def test_a_404_tells_of_a_slash_at_the_end(client: aiohttp.ClientSession) -> None:
    slashed, plain = [await ask(client, "GET", f"/api/v1/{path}") for path in ("leads/", "leeds")]
    assert (slashed.status, "ends with a slash" in slashed.body["message"]) == (404, True)
    assert (plain.status, "slash" in plain.body["message"]) == (404, False)


@pytest.mark.parametrize("text", NO_IDS)
@pytest.mark.parametrize("path", ["/api/v1/leads/{}", "/api/v1/leads/{}/activities", "/api/v1/submissions/{}"])
async def test_an_id_that_is_none_is_404(client: aiohttp.ClientSession, path: str, text: str) -> None:
    answer = await ask(client, "GET", path.format(text))
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_an_unknown_lead_or_submission_is_404(client: aiohttp.ClientSession) -> None:
    for path in ("leads/9223372036854775807", "submissions/00000000-0000-7000-8000-000000000000"):
        assert (await ask(client, "GET", f"/api/v1/{path}")).code == "NOT_FOUND"


async def test_single_record_has_only_the_data_member(service: Service, client: aiohttp.ClientSession) -> None:
    made = (await post_lead(client, {"email": new_email(), "first_name": "Ada"})).body
    answer = await ask(client, "GET", f"/api/v1/leads/{made['lead_id']}")
    assert answer.body.keys() == {"data"}
    assert answer.body["data"].keys() == {
        *(
            "id",
            "first_name",
            "last_name",
            "email",
            "email_as_given",
            "phone",
            "company",
            "job_title",
            "country",
            "source",
            "status",
        ),
        *("lead_score", "starred", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "notes", "custom_fields"),
        *("tags", "possible_duplicate_of", "attribution", "created_at", "updated_at"),
    }
    submission = await ask(client, "GET", f"/api/v1/submissions/{made['submission_id']}")
    assert submission.body["data"].keys() == {
        *("id", "state", "channel", "source", "lead_id", "is_duplicate", "matched_on", "payload", "changes"),
        *("warnings", "error", "attempts", "received_at", "processed_at", "spam", "rejected_at", "attribution"),
        "is_test",
    }
    assert submission.body["data"]["received_at"].endswith("+00:00")


async def test_all_errors_of_a_lead_are_reported_together(client: aiohttp.ClientSession) -> None:
    answer = await post_lead(client, {"email": "no address", "first_name": 7, "tags": ["ok", 5], "starred": "yes"})
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["message"] == "The given data was invalid."
    assert answer.body["errors"].keys() == {"email", "first_name", "tags.1", "starred"}
    assert answer.body["errors"]["email"] == ["The email field must be a valid email address."]


BAD_QUERIES = [
    ("GET", "/api/v1/leads?source=%FF"),
    ("GET", "/api/v1/leads?page=%ED%A0%80"),
    ("POST", INBOUND + "%C0%80"),
]


@pytest.mark.parametrize(("method", "target"), BAD_QUERIES)
async def test_a_bad_query_encoding_is_400(service: Service, key: str, method: str, target: str) -> None:
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 400"
