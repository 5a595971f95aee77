"""Leads are made, changed, tagged and deleted, and what a client is told when they cannot be."""

import asyncio
import secrets
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from services.api.schemas.leads import LeadRecord
from tests.contract.service import Answer, Service, ask, new_email, new_phone, post_lead

LEADS = "/api/v1/leads"
RECORD = set(LeadRecord.__annotations__)
NOWHERE = 2**52


async def make(client: aiohttp.ClientSession, **fields: Any) -> Any:
    """A new lead; its record."""
    answer = await ask(client, "POST", LEADS, json={"first_name": "Sarah", **fields})
    assert answer.status == 201, answer.raw
    return answer.body["data"]


async def patch(client: aiohttp.ClientSession, lead: Any, **fields: Any) -> Answer:
    return await ask(client, "PATCH", f"{LEADS}/{lead['id']}", json=fields)


@pytest_asyncio.fixture(scope="module")
async def stranger(service: Service) -> Any:
    """A client of another workspace."""
    slug = f"leads-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    async with service.client(service.make_key("*", workspace=slug)) as session:
        yield session


async def test_a_lead_is_made_shown_changed_and_deleted(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    sent = {
        "first_name": " Sarah ",
        "last_name": "Johnson",
        "email": email.upper(),
        "phone": f"{phone[:2]} ({phone[2:5]}) {phone[5:8]}-{phone[8:]}",
        "source": "website",
        "status": "contacted",
        "starred": True,
        "notes": "Interested in the enterprise plan.",
        "custom_fields": {"budget": "10000", "seats": {"from": 5}},
        "tags": ["hot-lead", "enterprise"],
        "lead_score": 99,
        "id": 1,
        "nonsense": {"x": 1},
    }
    answer = await ask(client, "POST", LEADS, json=sent)
    assert answer.status == 201
    lead = answer.body["data"]
    assert answer.headers["Location"] == f"{LEADS}/{lead['id']}"
    assert answer.body["meta"] == {"ignored": ["lead_score", "id", "nonsense"]}
    assert lead.keys() == RECORD
    assert lead | {
        **sent,
        "first_name": "Sarah",
        "email": email,
        "phone": phone,
        "lead_score": 0,
        "id": lead["id"],
    } == {
        **lead,
        "nonsense": sent["nonsense"],
    }
    path = f"{LEADS}/{lead['id']}"
    assert (await ask(client, "GET", path)).body["data"] == lead
    answer = await ask(client, "PUT", path, json={"company": "Tech", "custom_fields": {"seats": None}, "tags": ["Vip"]})
    changed = answer.body["data"]
    assert answer.status == 200
    assert changed["updated_at"] > lead["updated_at"]
    expected = {"company": "Tech", "custom_fields": {"budget": "10000"}, "tags": ["Vip"]}
    assert changed == {**lead, **expected, "updated_at": changed["updated_at"]}
    assert (await ask(client, "DELETE", path)).status == 204
    for method in ("GET", "PUT", "DELETE"):
        assert (await ask(client, method, path, json={})).status == 404
    assert (await post_lead(client, {"email": email, "phone": phone})).body["is_duplicate"] is False


async def test_null_empties_and_what_is_not_sent_stays(client: aiohttp.ClientSession) -> None:
    filled = dict.fromkeys(("last_name", "company", "job_title", "country", "source", "notes"), "x")
    lead = await make(client, email=new_email(), phone=new_phone(), tags=["a"], custom_fields={"a": 1}, **filled)
    empty = [*filled, "email", "phone", "assigned_user_id", "pipeline_stage_id"]
    found = (await patch(client, lead, tags=None, custom_fields=None, **dict.fromkeys(empty))).body["data"]
    assert [found[name] for name in empty] == [None] * len(empty)
    assert (found["tags"], found["custom_fields"]) == ([], {})
    kept = ("first_name", "status", "starred", "pipeline_id", "created_at")
    assert {name: found[name] for name in kept} == {name: lead[name] for name in kept}
    assert (await patch(client, lead)).body["data"] == found


@pytest.mark.parametrize("blank", ["", " \t"])
async def test_blank_empties_as_null_does(client: aiohttp.ClientSession, blank: str) -> None:
    lead = await make(client, email=blank, phone=blank, assigned_user_id=blank, pipeline_id=blank)
    assert (lead["email"], lead["phone"], lead["assigned_user_id"]) == (None, None, None)
    lead = await make(client, email=new_email(), phone=new_phone(), company="Acme")
    answer = await patch(client, lead, email=blank, phone=blank, company=blank, pipeline_stage_id=blank)
    assert answer.status == 200, answer.raw
    names = ("email", "phone", "company", "pipeline_stage_id")
    assert [answer.body["data"][name] for name in names] == [None] * 4


async def test_empty_php_array_counts_as_an_empty_object(client: aiohttp.ClientSession) -> None:
    """What a PHP program reads, changes and sends back: `{}` has become `[]`."""
    lead = await make(client, email=new_email(), custom_fields=[])
    assert lead["custom_fields"] == {}
    lead = (await patch(client, lead, custom_fields={"a": 1})).body["data"]
    assert (await patch(client, lead, custom_fields=[])).body["data"] == lead


WRONG: dict[str, list[Any]] = {
    "first_name": [1, True, None, "", " ", [], {}, "x" * 256, "a\0b", "\ud800"],
    "last_name": [1, "x" * 256],
    "email": ["nobody", 1, "a@b@c.com", "x" * 250 + "@example.com", []],
    "phone": [1, "12", "call me", "x" * 65, {}],
    "company": [1, "x" * 256],
    "job_title": [False, "x" * 256],
    "country": [1, "x" * 101],
    "source": [[], "x" * 256],
    "status": ["won", "", None, 1, "NEW"],
    "starred": ["true", 1, None, "yes"],
    "pipeline_id": ["1", 0, -1, 1.5, 2**63, 2**64, NOWHERE, True],
    "pipeline_stage_id": ["1", 0, 2**64, NOWHERE],
    "assigned_user_id": ["1", 0, NOWHERE, []],
    "notes": [1, "x" * 100_001],
    "custom_fields": ["x", [1], {"": 1}, {"x" * 101: 1}, {str(n): 1 for n in range(201)}],
    "tags": ["x", {}, ["x"] * 101],
}


@pytest.mark.parametrize("field", WRONG)
async def test_wrong_value_is_reported_for_its_field(client: aiohttp.ClientSession, field: str) -> None:
    lead = await make(client)
    for value in WRONG[field]:
        for answer in (
            await ask(client, "POST", LEADS, json={"first_name": "A", field: value}),
            await ask(client, "PATCH", f"{LEADS}/{lead['id']}", json={field: value}),
        ):
            assert (answer.status, answer.code) == (422, "VALIDATION_FAILED"), value
            assert list(answer.body["errors"]) == [field], value
    assert (await ask(client, "GET", f"{LEADS}/{lead['id']}")).body["data"] == lead


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"tags": ["a", 1]}, "tags.1"),
        ({"tags": [""]}, "tags.0"),
        ({"tags": ["a", "b", "x" * 101]}, "tags.2"),
        ({"custom_fields": {"a": {"b": ["\ud800"]}}}, "custom_fields.a.b.0"),
        ({"custom_fields": {"a": 2**64}}, "custom_fields.a"),
    ],
)
async def test_nested_error_is_reported_with_a_dotted_name(
    client: aiohttp.ClientSession, sent: dict[str, Any], field: str
) -> None:
    answer = await ask(client, "POST", LEADS, json={"first_name": "A", **sent})
    assert (answer.status, list(answer.body["errors"])) == (422, [field])


async def test_database_checks_are_reported_with_all_other_errors(client: aiohttp.ClientSession) -> None:
    email = new_email()
    holder = await make(client, email=email)
    places = {"pipeline_id": NOWHERE, "pipeline_stage_id": NOWHERE, "assigned_user_id": NOWHERE}
    sent = {**places, "email": email.upper(), "phone": "12", "last_name": 5, "status": "won", "tags": [1]}
    expected = {*sent, "tags.0"} - {"tags"}
    answer = await ask(client, "POST", LEADS, json=sent)
    assert answer.status == 422
    assert answer.body["errors"].keys() == expected | {"first_name"}
    assert str(holder["id"]) in answer.body["errors"]["email"][0]
    lead = await make(client)
    answer = await patch(client, lead, **sent)
    assert (answer.status, answer.body["errors"].keys()) == (422, expected)
    assert (await ask(client, "GET", f"{LEADS}/{lead['id']}")).body["data"] == lead
    assert (await make(client, email=new_email()))["id"]


async def test_leads_of_another_workspace_answer_404(
    client: aiohttp.ClientSession, stranger: aiohttp.ClientSession
) -> None:
    email = new_email()
    theirs = await make(client, email=email)
    path = f"{LEADS}/{theirs['id']}"
    for method, where in (
        ("GET", path),
        ("PUT", path),
        ("PATCH", path),
        ("DELETE", path),
        ("GET", f"{path}/activities"),
        ("POST", f"{path}/activities"),
        ("POST", f"{path}/tags"),
        ("DELETE", f"{path}/tags/a"),
    ):
        answer = await ask(stranger, method, where, json={"tag": "a", "first_name": "Mine", "pipeline_id": "x"})
        assert (answer.status, answer.code) == (404, "NOT_FOUND"), (method, where)
    places = {name: theirs[name] for name in ("pipeline_id", "pipeline_stage_id")}
    answer = await ask(stranger, "POST", LEADS, json={"first_name": "A", **places})
    assert (answer.status, answer.body["errors"].keys()) == (422, places.keys())
    assert (await make(stranger, email=email))["email"] == email
    assert (await ask(client, "GET", path)).body["data"] == theirs


async def test_what_people_did_is_logged(client: aiohttp.ClientSession) -> None:
    lead, gone = await make(client, first_name="Ottilie"), await make(client, first_name="Bartholomew")
    path = f"{LEADS}/{lead['id']}/activities"
    called = {"type": "call", "outcome": "left_message", "text": " Asked for Jan "}
    made = await ask(client, "POST", path, json=called)
    entry = made.body["data"]
    assert (made.status, entry["type"], entry["lead_id"]) == (201, "call.logged", lead["id"])
    assert (entry["data"]["outcome"], entry["data"]["text"]) == ("left_message", "Asked for Jan")
    assert entry["data"]["by"]["kind"] == "api"
    await ask(client, "POST", f"{LEADS}/{lead['id']}/merge", json={"lead_id": gone["id"]})
    by_old_id = await ask(client, "POST", f"{LEADS}/{gone['id']}/activities", json={"type": "note", "text": "Moved"})
    assert by_old_id.body["data"]["lead_id"] == lead["id"]
    assert (await ask(client, "GET", path)).body["data"][0] == by_old_id.body["data"]
    wrong: dict[str, list[dict[str, Any]]] = {
        "type": [{}, {"type": "fax"}, {"type": None}],
        "text": [{"type": "note"}, {"type": "note", "text": "  "}, {"type": "call", "text": "x" * 5001}],
        "outcome": [{"type": "email", "outcome": "reached"}, {"type": "call", "outcome": "angry"}],
    }
    for field, bodies in wrong.items():
        for body in bodies:
            answer = await ask(client, "POST", path, json=body)
            assert (answer.status, list(answer.body["errors"])) == (422, [field]), body


async def test_a_contact_belongs_to_one_lead(client: aiohttp.ClientSession) -> None:
    """Any contact that the lead is known by, learnt ones too, until it is replaced."""
    email, learnt, phone = new_email(), new_email(), new_phone()
    lead = await make(client, email=email, phone=phone)
    assert (await post_lead(client, {"email": learnt, "phone": phone})).body["lead_id"] == lead["id"]
    for field, value in (("email", email), ("email", learnt), ("phone", phone), ("phone", phone[2:])):
        answer = await ask(client, "POST", LEADS, json={"first_name": "A", field: value})
        assert (answer.status, list(answer.body["errors"])) == (422, [field])
        assert str(lead["id"]) in answer.body["errors"][field][0]
    assert (await patch(client, lead, email=new_email())).status == 200
    assert (await make(client, email=email))["id"] != lead["id"]
    assert (await post_lead(client, {"email": learnt})).body["lead_id"] == lead["id"]


async def test_of_eight_that_make_the_same_lead_one_does(client: aiohttp.ClientSession) -> None:
    for _ in range(3):
        sent = {"first_name": "A", "email": new_email()}
        answers = await asyncio.gather(*(ask(client, "POST", LEADS, json=sent) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [201] + [422] * 7
        (made,) = [answer.body["data"]["id"] for answer in answers if answer.status == 201]
        refused = [answer.body["errors"] for answer in answers if answer.status == 422]
        assert all(str(made) in errors["email"][0] for errors in refused)


async def test_eight_who_cross_emails_phones_and_tags(client: aiohttp.ClientSession) -> None:
    leads = [await make(client) for _ in range(4)]
    emails, phones = [[make_() for _ in range(4)] for make_ in (new_email, new_phone)]
    tags = [secrets.token_hex(4) for _ in range(4)]

    async def cross(number: int) -> list[int]:
        statuses = []
        for step in range(6):
            lead, at = leads[(number + step) % 4], (number * 3 + step * step) % 4
            sent = {"email": emails[at], "phone": phones[3 - at], "tags": tags[at:] + tags[:at]}
            statuses.append((await patch(client, lead, **sent)).status)
            source = {"email": emails[3 - at], "phone": phones[at], "tags": tags[at:]}
            statuses.append((await post_lead(client, source)).status)
        return statuses

    told = {status for statuses in await asyncio.gather(*map(cross, range(8))) for status in statuses}
    assert told <= {200, 201, 422}


async def test_a_lead_is_moved_over_the_board(client: aiohttp.ClientSession) -> None:
    stages = [{"name": "In"}, {"name": "Won", "is_won": True}, {"name": "Lost", "is_lost": True}]
    made = await ask(client, "POST", "/api/v1/pipelines", json={"name": "Board", "stages": stages})
    pipeline = made.body["data"]
    first, won, lost = [stage["id"] for stage in pipeline["stages"]]
    lead = await make(client)
    assert lead["status"] == "new"
    for sent, stage, status in (
        ({"pipeline_id": pipeline["id"]}, first, "new"),
        ({"pipeline_stage_id": won}, won, "converted"),
        ({"pipeline_stage_id": lost}, lost, "lost"),
        ({"pipeline_stage_id": won, "status": "qualified"}, won, "qualified"),
        ({"status": "new", "pipeline_stage_id": won}, won, "new"),
    ):
        found = (await patch(client, lead, **sent)).body["data"]
        assert (found["pipeline_id"], found["pipeline_stage_id"], found["status"]) == (pipeline["id"], stage, status)
    answer = await patch(client, lead, pipeline_id=lead["pipeline_id"], pipeline_stage_id=won)
    assert (answer.status, list(answer.body["errors"])) == (422, ["pipeline_stage_id"])


async def test_the_timeline_says_who_did_what(client: aiohttp.ClientSession) -> None:
    key = (await ask(client, "GET", "/api/v1/me")).body["data"]["id"]
    email = new_email()
    lead = await make(client, email=email, source="fair", tags=["a"])
    await patch(client, lead, notes="x", tags=["b"])
    await patch(client, lead, notes="x")
    await post_lead(client, {"email": email, "company": "C"})
    entries = (await ask(client, "GET", f"{LEADS}/{lead['id']}/activities")).body["data"]
    assert all(entry.keys() == {"id", "lead_id", "type", "data", "created_at"} for entry in entries)
    assert {entry["lead_id"] for entry in entries} == {lead["id"]}
    assert [entry["type"] for entry in entries] == ["lead.duplicate", "lead.updated", "lead.created"]
    by = {"kind": "api", "id": key}
    assert entries[1]["data"] == {
        "by": by,
        "changes": {"notes": {"from": None, "to": "x"}},
        "tags_added": ["b"],
        "tags_removed": ["a"],
    }
    assert entries[2]["data"] == {"by": by, "source": "fair", "tags_added": ["a"]}


async def test_lead_routes_require_their_scopes(service: Service, client: aiohttp.ClientSession) -> None:
    path = f"{LEADS}/{(await make(client, tags=['a']))['id']}"
    calls = {
        "read:leads": [("GET", path), ("GET", f"{path}/activities")],
        "write:leads": [("PUT", path), ("PATCH", path), ("POST", f"{path}/tags"), ("DELETE", f"{path}/tags/a")],
        "delete:leads": [("DELETE", path)],
    }
    for scope, allowed in calls.items():
        made = await ask(client, "POST", "/api/v1/api-keys", json={"name": "test", "scopes": [scope]})
        async with service.client(made.body["data"]["key"]) as limited:
            for method, where in [call for calls_ in calls.values() for call in calls_]:
                if (method, where) in allowed:
                    continue
                answer = await ask(limited, method, where, json={"tag": "x"})
                assert (answer.status, answer.code) == (403, "FORBIDDEN"), (scope, method, where)
            for method, where in allowed:
                assert (await ask(limited, method, where, json={"tag": "x"})).status in (200, 204), (scope, where)


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 400), (b"\xff", 400), (b"", 422), (b"{}", 422)])
async def test_bodies_that_are_no_lead_are_refused(client: aiohttp.ClientSession, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    assert (await ask(client, "POST", LEADS, data=body, headers=headers)).status == status
    answer = await ask(
        client, "POST", LEADS, data=b"a=1", headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status == 415
