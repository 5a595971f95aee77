"""API keys: who may ask, and what a key opens."""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from shared.auth.key_format import generate_key
from shared.workspaces import InvalidWorkspace
from tests.contract.operation_catalogue import OPERATIONS
from tests.contract.service import BATCH, INBOUND, LIMIT_HEADERS, Service, ask, new_email, new_phone, post_lead
from tests.support.timing import best_within_async
from tests.support.waiting import until_async

SUBMISSION = "/api/v1/submissions/01a20e35-d6ba-74bc-a042-76cbeb2a9424"
PROTECTED = [
    ("POST", INBOUND, "'submit:leads' or 'write:leads'"),
    ("POST", BATCH, "'submit:leads' or 'write:leads'"),
    ("GET", "/api/v1/leads", "read:leads"),
    ("GET", "/api/v1/leads/1", "read:leads"),
    ("GET", "/api/v1/leads/1/activities", "read:leads"),
]
ANY_KEY = [("GET", "/api/v1/me", ""), ("GET", SUBMISSION, "")]
CREDENTIALS = [
    None,
    "",
    "Bearer",
    "Bearer ",
    "Basic bGg6bGg=",
    "Token lh_abc",
    "Bearer lh_your_api_key_here",
    f"Bearer {generate_key().secret}",
    f"Bearer {generate_key().secret[:-1]}",
    f"Bearer {'x' * 4000}",
    "Bearer lh_' OR 1=1 --",
]


@pytest.mark.parametrize("authorization", CREDENTIALS, ids=range(len(CREDENTIALS)))  # the same in every process
@pytest.mark.parametrize(("method", "path", "_scope"), PROTECTED + ANY_KEY)
async def test_no_valid_key_is_401(
    nobody: aiohttp.ClientSession, method: str, path: str, _scope: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await ask(nobody, method, path, headers=headers)
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not any(name in answer.headers for name in LIMIT_HEADERS)


@pytest.mark.parametrize(
    ("authorization", "fault"),
    [
        (None, "missing"),
        ("", "missing"),
        ("Bearer", "missing"),
        ("Bearer ", "missing"),
        ("Basic bGg6bGg=", "malformed"),
        ("Bearer lh_your_api_key_here", "malformed"),
        (f"Bearer {generate_key().secret[:-1]}", "malformed"),
        (f"Bearer {generate_key().secret}", "unknown"),
    ],
    ids=range(8),
)
async def test_a_401_says_what_is_wrong_with_the_key(
    nobody: aiohttp.ClientSession, authorization: str | None, fault: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for _ in range(2):
        answer = await ask(nobody, "POST", INBOUND, json={}, headers=headers)
        assert (answer.status, answer.code, answer.headers["WWW-Authenticate"]) == (401, "UNAUTHORIZED", "Bearer")
        assert fault in answer.body["message"]


async def test_a_key_whose_name_is_another_case_of_bearer_is_taken(nobody: aiohttp.ClientSession, key: str) -> None:
    assert (await ask(nobody, "GET", "/api/v1/me", headers={"Authorization": f"bearer {key}"})).status == 200


async def test_health_needs_no_key(nobody: aiohttp.ClientSession) -> None:
    answer = await ask(nobody, "GET", "/api/v1/health")
    assert answer.status == 200
    assert answer.body.keys() == {"status", "version", "timestamp"}
    assert answer.body["status"] == "ok"
    assert datetime.fromisoformat(answer.body["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize(("method", "path", "scope"), PROTECTED)
async def test_a_missing_scope_is_403_and_named(service: Service, method: str, path: str, scope: str) -> None:
    others = "write:pipelines read:operations " + (
        "write:leads submit:leads" if scope == "read:leads" else "read:leads"
    )
    async with service.client(service.make_key(others)) as session:
        answer = await ask(session, method, path)
    assert (answer.status, answer.code) == (403, "FORBIDDEN")
    assert scope in answer.body["message"]
    assert all(name in answer.headers for name in LIMIT_HEADERS)


async def test_me_tells_any_key_what_it_is(service: Service) -> None:
    async with service.client(service.make_key("read:tags", rate_limit=77)) as session:
        answer = await ask(session, "GET", "/api/v1/me")
    data = answer.body["data"]
    assert "meta" not in answer.body
    assert (data["name"], data["scopes"], data["rate_limit"]) == ("test", ["read:tags"], 77)
    assert data["workspace"]["slug"] == "main"


async def test_write_key_reads_only_its_own_submissions(service: Service) -> None:
    poster, stranger, operator = (service.make_key(s) for s in ("write:leads", "write:leads", "read:operations"))
    async with service.client(poster) as session:
        submission = (await post_lead(session, {"email": new_email()})).body["submission_id"]
        own = await ask(session, "GET", f"/api/v1/submissions/{submission}")
    async with service.client(stranger) as session:
        others = await ask(session, "GET", f"/api/v1/submissions/{submission}")
    async with service.client(operator) as session:
        operators = await ask(session, "GET", f"/api/v1/submissions/{submission}")
    assert (own.status, own.body["data"]["state"]) == (200, "done")
    assert (others.status, others.code) == (403, "FORBIDDEN")
    assert "read:operations" in others.body["message"]
    assert operators.status == 200


async def test_a_key_that_only_posts_is_not_told_what_the_lead_held(service: Service) -> None:
    email, phone = new_email(), new_phone()
    shown: dict[str, object] = {}
    for scopes in ("submit:leads", "write:leads", "write:leads read:leads", "submit:leads read:operations"):
        async with service.client(service.make_key(scopes)) as session:
            await post_lead(session, {"email": email, "phone": phone})
            sent = {"email": email, "first_name": f"Ada {len(shown)}", "custom_fields": {f"n{len(shown)}": 1}}
            posted = (await post_lead(session, sent)).body
            found = (await ask(session, "GET", f"/api/v1/submissions/{posted['submission_id']}")).body["data"]
        assert (found["state"], found["lead_id"], found["payload"]) == ("done", posted["lead_id"], sent)
        shown[scopes] = found["changes"]
    assert shown.pop("submit:leads") is shown.pop("write:leads") is None
    assert all(shown.values())


async def test_a_websites_key_posts_leads_and_reads_their_state_and_nothing_else(service: Service) -> None:
    opens = {"POST /api/inbound/leads", "POST /api/inbound/leads/batch", "POST /api/v1/forms/{id}/submissions"}
    opens |= {"GET /api/v1/me", "GET /api/v1/submissions/{id}"}  # any key may; of submissions, those that it posted
    async with service.client(service.make_key("submit:leads")) as session:
        posted = await post_lead(session, {"email": new_email()})
        batch = await ask(session, "POST", BATCH, json=[{"email": new_email()}])
        state = await ask(session, "GET", f"/api/v1/submissions/{posted.body['submission_id']}")
        for operation in (each for each in OPERATIONS if not each.is_public and str(each) not in opens):
            path = re.sub(r"\{[^}]*\}", "1", operation.path)
            answer = await ask(session, operation.method, path, json={})
            assert (answer.status, answer.code) == (403, "FORBIDDEN"), operation
    assert (posted.status, batch.status, batch.body["data"][0]["status"]) == (201, 200, "created")
    assert state.body["data"]["lead_id"] == posted.body["lead_id"]


async def test_a_revoked_key_is_felt_within_five_seconds(service: Service) -> None:
    await best_within_async(5, lambda: seconds_until_refused(service))


async def seconds_until_refused(service: Service) -> float:
    """From the revocation of a key that was used."""
    secret, key_id = service.create_key("read:leads")
    async with service.client(secret) as session:
        assert (await ask(session, "GET", "/api/v1/me")).status == 200
        service.stack.run("key", "revoke", str(key_id))
        revoked = time.monotonic()

        async def refused() -> bool:
            return (await ask(session, "GET", "/api/v1/me")).status == 401

        await until_async(refused)
        took = time.monotonic() - revoked
        answer = await ask(session, "GET", "/api/v1/me")
    assert (answer.headers["WWW-Authenticate"], "revoked" in answer.body["message"]) == ("Bearer", True)
    return took


async def test_a_key_ends_when_it_expires(service: Service) -> None:
    for seconds in (6, 30, 120):  # a busy machine may take longer than a short-lived key lives
        soon = datetime.now(UTC) + timedelta(seconds=seconds)
        async with service.client(service.make_key("read:leads", expires_at=soon)) as session:
            first = await ask(session, "GET", "/api/v1/me")
            if first.status == 401 and datetime.now(UTC) >= soon:
                continue
            assert (first.status, first.body["data"]["expires_at"]) == (200, soon.isoformat())

            async def refused(session: aiohttp.ClientSession = session) -> bool:
                return (await ask(session, "GET", "/api/v1/me")).status == 401

            await until_async(refused, seconds + 2)
            assert datetime.now(UTC) >= soon
            return
    pytest.fail("no key outlived its making")


async def test_an_expired_key_is_401_from_the_start(service: Service) -> None:
    async with service.client(service.make_key("read:leads", expires_at=datetime(2020, 1, 1, tzinfo=UTC))) as session:
        answer = await ask(session, "GET", "/api/v1/me")
    assert (answer.status, "expired at 2020-01-01" in answer.body["message"]) == (401, True)


@pytest.mark.parametrize("path", ["/api/inbound/leads", "/api/inbound/leads?tenant=", "/api/inbound/leads/batch"])
async def test_no_tenant_is_422(client: aiohttp.ClientSession, path: str) -> None:
    answer = await post_lead(client, {"email": new_email()}, path)
    assert (answer.status, answer.code, list(answer.body["errors"])) == (422, "VALIDATION_FAILED", ["tenant"])


@pytest.mark.parametrize("tenant", ["nowhere", "MAIN", "main'--", "main%20", "%00", "../main"])
async def test_another_tenant_is_403(client: aiohttp.ClientSession, tenant: str) -> None:
    answer = await post_lead(client, {"email": new_email()}, f"/api/inbound/leads?tenant={tenant}")
    assert (answer.status, answer.code) == (403, "FORBIDDEN")


async def test_key_sees_nothing_of_another_workspace(service: Service, client: aiohttp.ClientSession) -> None:
    slug = f"other-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    made = (await post_lead(client, {"email": new_email(), "source": "ours"})).body
    async with service.client(service.make_key("*", workspace=slug)) as session:
        paths = [
            f"/api/v1/leads/{made['lead_id']}",
            f"/api/v1/leads/{made['lead_id']}/activities",
            f"/api/v1/submissions/{made['submission_id']}",
        ]
        for path in paths:
            answer = await ask(session, "GET", path)
            assert (answer.status, answer.code) == (404, "NOT_FOUND"), path
        assert (await ask(session, "GET", "/api/v1/leads")).body["meta"]["total"] == 0
        assert (await post_lead(session, {"email": new_email()})).status == 403
        theirs = await post_lead(session, {"email": new_email()}, f"/api/inbound/leads?tenant={slug}")
        assert (theirs.status, theirs.body["is_duplicate"]) == (201, False)


async def test_the_same_person_and_key_in_two_workspaces_are_strangers(
    service: Service, client: aiohttp.ClientSession
) -> None:
    slug = f"twin-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Twin")
    lead, used = {"email": new_email()}, secrets.token_hex(8)
    ours = (await post_lead(client, lead, Idempotency_Key=used)).body
    async with service.client(service.make_key("*", workspace=slug)) as session:
        theirs = (await post_lead(session, lead, f"/api/inbound/leads?tenant={slug}", Idempotency_Key=used)).body
    assert theirs["is_duplicate"] is False
    assert theirs["lead_id"] != ours["lead_id"]
    assert theirs["submission_id"] != ours["submission_id"]


@pytest.mark.parametrize("country", ["ZZ", "D", "DEU", "001", "1A"])
def test_a_workspace_is_in_a_country_that_has_phone_numbers(service: Service, country: str) -> None:
    with pytest.raises(InvalidWorkspace):
        service.make_workspace(f"in-{country.lower()}", "X", country)
