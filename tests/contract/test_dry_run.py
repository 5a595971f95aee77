"""A dry run tells what would happen, and stores nothing."""

import secrets
from typing import Any

import aiohttp
import pytest

from tests.contract.service import BATCH, INBOUND, Service, ask, new_email, new_phone, post_lead
from tests.contract.workspaces import new_workspace

DRY = f"{INBOUND}&dry_run=1"
NOWHERE = 2**52

# Of one workspace. What lies in the journal bears none; it is counted as accepted with its row.
COUNTED = ("leads", "identities", "submissions", "tags", "activities")
LEDGER = "SELECT workspace_id, n FROM ledger UNION ALL SELECT workspace_id, n FROM ledger_deltas"
COUNTS = f"""SELECT {", ".join(f"(SELECT count(*) FROM {table} WHERE workspace_id = w.id)" for table in COUNTED)},
(SELECT sum(n) FROM ({LEDGER}) folded_or_not WHERE workspace_id = w.id) FROM workspaces w WHERE slug = %s"""


async def shown(client: aiohttp.ClientSession, lead_id: int) -> Any:
    return (await ask(client, "GET", f"/api/v1/leads/{lead_id}")).body["data"]


async def test_dry_run_shows_a_new_lead(client: aiohttp.ClientSession) -> None:
    email, tag = new_email(), secrets.token_hex(6)
    answer = await post_lead(client, {"email": email.upper(), "tags": [tag], "custom_fields": {"a": 1}}, DRY)
    assert answer.status == 200
    body = answer.body
    changes = body.pop("changes")
    said: dict[str, Any] = {
        "status": "dry_run",
        "lead_id": None,
        "is_duplicate": False,
        "matched_on": [],
        "warnings": [],
    }
    assert body == said
    real = (await post_lead(client, {"email": email, "tags": [tag], "custom_fields": {"a": 1}})).body
    assert real["is_duplicate"] is False
    lead = await shown(client, real["lead_id"])
    lead |= {f"custom_fields.{name}": value for name, value in lead.pop("custom_fields").items()}
    assert changes
    for field, change in changes.items():
        assert change["to"] == lead[field], field
    assert {"email", "status", "pipeline_id", "pipeline_stage_id", "tags", "custom_fields.a"} <= changes.keys()


async def test_dry_run_shows_the_changes_of_a_duplicate(client: aiohttp.ClientSession) -> None:
    phone, tag, other = new_phone(), secrets.token_hex(6), secrets.token_hex(6)
    first = await post_lead(client, {"email": new_email(), "phone": phone, "company": "Old", "tags": [tag]})
    before = await shown(client, first.body["lead_id"])
    sent: dict[str, Any] = {"email": new_email(), "phone": phone, "company": "New", "last_name": "B", "notes": "n"}
    sent |= {"tags": [tag.upper(), other]}
    answer = await post_lead(client, {**sent, "pipeline_id": NOWHERE, "status": "won"}, DRY)
    assert {name: value for name, value in answer.body.items() if name not in ("changes", "warnings")} == {
        "status": "dry_run",
        "lead_id": before["id"],
        "is_duplicate": True,
        "matched_on": ["phone"],
    }
    assert answer.body["changes"] == {
        "last_name": {"from": None, "to": "B"},
        "notes": {"from": None, "to": "n"},
        "tags": {"from": [tag], "to": [tag, other]},
    }
    assert [warning.partition(":")[0] for warning in answer.body["warnings"]] == ["status", "pipeline_id"]
    assert await shown(client, before["id"]) == before


@pytest.mark.parametrize("scopes", ["submit:leads", "write:leads", "write:leads read:operations"])
async def test_a_key_that_may_not_read_leads_is_not_told_what_one_holds(
    service: Service, client: aiohttp.ClientSession, scopes: str
) -> None:
    email, phone, secret = new_email(), new_phone(), secrets.token_hex(6)
    held = {"first_name": secret, "company": secret, "notes": secret, "tags": [secret], "custom_fields": {"a": secret}}
    lead_id = (await post_lead(client, {"email": email, "phone": phone, **held})).body["lead_id"]
    sent: dict[str, Any] = {"email": email, "first_name": "B", "company": "New", "notes": "n", "tags": ["b"]}
    sent |= {"custom_fields": {"a": "b"}, "phone": new_phone(), "pipeline_id": NOWHERE}
    async with service.client(service.make_key(scopes)) as session:
        answer = await post_lead(session, sent, DRY)
        new = await post_lead(session, {"email": new_email()}, DRY)
    assert (answer.status, answer.body["lead_id"], answer.body["matched_on"]) == (200, lead_id, ["email"])
    assert answer.body["changes"] is new.body["changes"] is None
    assert len(answer.body["warnings"]) == 1
    assert secret not in str(answer.body)
    assert phone not in str(answer.body)


async def test_two_leads_that_may_be_one_person(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    of_email = (await post_lead(client, {"email": email})).body["lead_id"]
    of_phone = (await post_lead(client, {"email": new_email(), "phone": phone})).body["lead_id"]
    body = (await post_lead(client, {"email": email, "phone": phone}, DRY)).body
    assert (body["lead_id"], body["matched_on"]) == (of_email, ["email"])
    assert body["changes"]["possible_duplicate_of"] == {"from": None, "to": of_phone}


async def test_dry_run_stores_nothing(service: Service) -> None:
    email = new_email()
    async with new_workspace(service) as own:
        await own.lead(email=email)
        path = f"/api/inbound/leads?tenant={own.slug}&dry_run=1"
        with service.stack.database() as database:
            before = database.execute(COUNTS, (own.slug,)).fetchone()
            for lead in ({"email": email, "tags": [secrets.token_hex(6)]}, {"email": new_email()}):
                assert (await post_lead(own.client, lead, path, Idempotency_Key="dry")).status == 200
            assert database.execute(COUNTS, (own.slug,)).fetchone() == before == (1, 1, 1, 0, 1, 2)


async def test_a_form_and_the_values_of_the_parameter(client: aiohttp.ClientSession) -> None:
    email = new_email()
    for value in ("1", "true"):
        answer = await ask(client, "POST", f"{INBOUND}&dry_run={value}", data={"email": email, "tags[]": "x"})
        assert (answer.status, answer.body["changes"]["tags"]["to"]) == (200, ["x"])
    for value in ("yes", "2", "TRUE", ""):
        answer = await post_lead(client, {"email": email}, f"{INBOUND}&dry_run={value}")
        assert (answer.status, list(answer.body["errors"])) == (422, ["dry_run"])
    assert (await post_lead(client, {"email": email}, f"{INBOUND}&dry_run=0")).body["is_duplicate"] is False
    assert (await ask(client, "POST", f"{BATCH}&dry_run=1", json=[{"email": email}])).status == 422


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"email": "x"}, 422), ({}, 422), ({"email": "a@example.com", "tags": "x"}, 422), ([], 400)],
)
async def test_dry_run_is_refused_like_the_real_request(
    client: aiohttp.ClientSession, sent: object, status: int
) -> None:
    dry, real = await post_lead(client, sent, DRY), await post_lead(client, sent)
    assert (dry.status, dry.body) == (real.status, real.body)
    assert dry.status == status
