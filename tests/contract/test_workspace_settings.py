"""The settings of a workspace: shown, previewed with the effect of each change, changed, and refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.service import Service, ask, new_email
from tests.contract.workspaces import Workspace, new_workspace

SECRET = "not-to-be-seen-7531"
HOSTILE = ["\0", "x" * 10_000, "  ", 7, None, [], {}, "\u202e"]


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


async def test_settings_are_shown_and_changed(ours: Workspace) -> None:
    shown = await ours.show("/workspace")
    assert (shown["name"], shown["country"], shown["timezone"]) == ("Own", "US", "UTC")
    assert (shown["merge_policy"], shown["fold_gmail"], shown["never_join"]) == ("fill_empty", False, [])
    assert shown["installation_days"] == 90
    sent = {
        "name": "  Nordlys & <Sons> ",
        "country": "no",
        "timezone": "Europe/Oslo",
        "merge_policy": "overwrite",
        "fold_gmail": True,
        "never_join": ["INFO@", "info@", "Desk@Firm.example", "22 00 40 00"],
        "retention": {"held_days": 7},
        "slug": "other",
    }
    changed = (await ours.ask("PATCH", "/workspace", sent)).body
    assert changed["meta"] == {"ignored": ["slug"]}
    assert changed["data"] == await ours.show("/workspace")
    assert changed["data"]["never_join"] == ["info@", "desk@firm.example", "+4722004000"]
    assert changed["data"]["retention"]["held_days"] == 7
    assert changed["data"]["name"] == "Nordlys & <Sons>"
    assert (await ours.ask("PUT", "/workspace", {"retention": {"held_days": None}})).body["data"]["retention"] == (
        dict.fromkeys(("submissions_days", "held_days", "activities_days", "attempts_days"))
    )
    entries = (await ours.ask("GET", "/audit-log?action=workspace.changed")).body["data"]
    assert entries[-1]["before"]["country"] == "US"
    assert entries[-1]["after"]["country"] == "NO"
    assert "slug" not in entries[-1]["after"]


async def test_each_change_is_previewed_with_its_effect(ours: Workspace) -> None:
    for number in range(3):
        await ours.lead(phone=f"(201) 555-012{number}", email=f"ada.{number}+x@gmail.com", first_name=f"Ada {number}")
    await ours.lead(email="a.da0@gmail.com")
    before = await ours.show("/workspace")
    sent = {
        "name": "Other",
        "country": "DE",
        "timezone": "Europe/Oslo",
        "merge_policy": "keep",
        "fold_gmail": True,
        "never_join": ["ada.1+x@gmail.com", "a.da0@", "+12015550120"],
        "retention": {"submissions_days": 1, "activities_days": 90},
    }
    preview = (await ours.ask("PATCH", "/workspace?preview=1", sent)).body["data"]
    assert await ours.show("/workspace") == before
    assert preview["country"] == "DE"
    found = [(one["field"], one["code"], one["count"], one["entry"]) for one in preview["effects"]]
    assert found == [
        ("name", "renamed", None, None),
        ("country", "phones_read_otherwise", 3, None),
        ("country", "phones_stay", None, None),
        ("timezone", "zone_of_automations", 0, None),
        ("merge_policy", "duplicates_changed", 0, None),
        ("fold_gmail", "gmail_joins", 1, None),
        ("never_join", "entry_added", 1, "ada.1+x@gmail.com"),
        ("never_join", "entry_added", 1, "a.da0@"),
        ("never_join", "entry_added", 1, "+12015550120"),
        ("retention.submissions_days", "rows_deleted", 0, None),
        ("retention.activities_days", "rows_deleted", 0, None),
    ]
    assert preview["effects"][1]["text"] == "Of the last 3 phones that came, 3 would have been another number."
    assert (await ours.ask("GET", "/audit-log?action=workspace.changed")).body["data"] == []
    assert (await ours.ask("PATCH", "/workspace?preview=1", {})).body["data"]["effects"] == []


async def test_wrong_values_are_told_by_field(ours: Workspace) -> None:
    wrong = {
        "name": " ",
        "country": "XX",
        "timezone": "Europe/Atlantis",
        "merge_policy": "shred",
        "fold_gmail": "yes",
        "retention": {"held_days": 0},
    }
    assert (await ours.errors("PATCH", "/workspace", wrong)).keys() == {*wrong} - {"retention"} | {
        "retention.held_days"
    }
    listed = {"never_join": ["info@", "no", "@", "a b@", "x@y"], "retention": {"submissions_days": 91}}
    assert (await ours.errors("PATCH", "/workspace?preview=1", listed)).keys() == {
        *("never_join.1", "never_join.2", "never_join.3", "never_join.4", "retention.submissions_days")
    }
    assert "never_join" in await ours.errors("PATCH", "/workspace", {"never_join": ["info@"] * 501})
    assert "preview" in await ours.errors("PATCH", "/workspace?preview=maybe", {})


@pytest.mark.parametrize(
    "field", ["name", "country", "timezone", "merge_policy", "fold_gmail", "never_join", "retention"]
)
async def test_hostile_values_are_refused_with_a_sentence(ours: Workspace, field: str) -> None:
    for value in HOSTILE:
        answer = await ours.ask("PATCH", "/workspace", {field: value})
        assert answer.status in (200, 422), (field, value, answer.raw)
        if field == "never_join" and value != []:
            assert answer.status == 422
        listed = await ours.ask("PATCH", "/workspace", {"never_join": [value]})
        assert listed.status == 422, (value, listed.raw)


async def test_only_a_key_for_everything_sees_the_settings(ours: Workspace) -> None:
    async with await ours.client_with("read:leads", "write:operations") as client:
        assert (await ask(client, "GET", "/api/v1/workspace")).status == 403
        assert (await ask(client, "PATCH", "/api/v1/workspace", json={"name": "Mine"})).status == 403
        assert (await ask(client, "GET", "/api/v1/identities/crowded")).status == 200


async def crowded_contacts(ours: Workspace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ours.ask("GET", "/identities/crowded")).body["data"]
    return found


async def test_crowded_contacts_are_told_and_listed_ones_join_nobody(ours: Workspace) -> None:
    words = "Ann Bob Cid Dan Eve Fay Gus Hal Ida Jon Kim".split()
    leads = {await ours.lead(email="desk@firm.example", first_name=word, last_name=f"{word}sen") for word in words[:10]}
    for number, word in enumerate(words):
        await ours.lead(email=new_email(), phone="+1 201 555 0199", first_name=word, last_name=f"Zed{number}")
    assert len(leads) == 1
    assert [one["value"] for one in await crowded_contacts(ours)] == ["+12015550199"]
    await ours.lead(email="desk@firm.example", first_name=words[10])
    for same in ("ann annsen", "ÁNN", "Sir Bob"):  # alike: each has a word that was there before
        await ours.lead(email="shop@firm.example", first_name=same)
    crowded = await crowded_contacts(ours)
    assert [(one["kind"], one["value"], one["names"]) for one in crowded] == [
        ("phone", "+12015550199", 11),
        ("email", "desk@firm.example", 11),
    ]
    assert len(crowded[0]["examples"]) == 3
    listed = [one["value"] for one in crowded]
    assert (await ours.ask("PATCH", "/workspace", {"never_join": listed})).status == 200
    assert await crowded_contacts(ours) == []
    assert await ours.lead(email="desk@firm.example", first_name="Lea") not in leads


MAIL = {"host": "smtp.example.com", "port": 587, "security": "starttls", "username": "crm", "password": SECRET}
MAIL |= {"from": "crm@nordlys.example", "from_name": "Nordlys, Sales"}


async def test_a_mail_server_is_previewed_connected_changed_and_disconnected(ours: Workspace) -> None:
    assert (await ours.show("/workspace"))["mail"] == {
        **dict.fromkeys(("sent_by", "without_server", "integration_id", "server"))
    }
    preview = (await ours.ask("PATCH", "/workspace?preview=1", {"mail": MAIL})).body["data"]
    assert [(one["code"], one["entry"]) for one in preview["effects"]] == [
        ("mail_by_server", "smtp.example.com:587"),
        ("mail_from", "crm@nordlys.example"),
        ("mail_waits", None),
        ("mail_alignment", "nordlys.example"),
    ]
    assert (await ours.ask("GET", "/integrations")).body["data"] == []
    mail = (await ours.ask("PATCH", "/workspace", {"mail": MAIL})).body["data"]["mail"]
    assert (mail["sent_by"], mail["server"]["port"], mail["server"]["from_name"]) == (
        *("workspace", "587", "Nordlys, Sales"),
    )
    shown = await ours.show(f"/integrations/{mail['integration_id']}")
    assert shown["credentials"] == mail["server"]
    assert await ours.errors("PATCH", "/workspace", {"mail": {"host": "mx.evil.example"}}) == {
        "mail.password": [
            "The mail.password field must be sent again, since host changes: a secret is not kept for "
            "another place or user."
        ]
    }
    changed = (await ours.ask("PATCH", "/workspace", {"mail": {**mail["server"]}})).body["data"]["mail"]
    assert changed == mail
    free = {"mail": {"from": "nordlys@gmail.com", "password": SECRET}}
    preview = (await ours.ask("PATCH", "/workspace?preview=1", free)).body["data"]
    assert preview["effects"][-1]["code"] == "mail_refused_sender"
    assert (await ours.ask("PATCH", "/workspace", {"mail": None})).body["data"]["mail"]["server"] is None
    log = await ours.ask("GET", "/audit-log?action=workspace.changed")
    assert SECRET not in log.raw.decode()
    assert log.body["data"][-1]["after"]["smtp"]["host"] == "smtp.example.com"


async def test_no_hostile_mail_server_is_taken(ours: Workspace) -> None:
    hostile: dict[str, list[Any]] = {
        "host": ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "a b", "smtp://a.example", None],
        "port": [0, 65536, "22;25", [], True],
        "from": ["a@b.example\nBcc: c@d.example", "Name <a@b.example>", ""],
        "from_name": ["Sales\r\nBcc: c@d.example", "x" * 101],
        "security": ["none", "ssl"],
        "bcc": ["a@b.example"],
    }
    for field, values in hostile.items():
        for value in values:
            errors = await ours.errors("PATCH", "/workspace", {"mail": {**MAIL, field: value}})
            assert set(errors) == {f"mail.{field}"}, (field, value)
    assert set(await ours.errors("PATCH", "/workspace", {"mail": "smtp.example.com"})) == {"mail"}
    assert (await ours.show("/workspace"))["mail"]["server"] is None


async def test_a_test_mail_goes_to_users_of_the_workspace_only(ours: Workspace, service: Service) -> None:
    path = "/workspace/mail-test"
    assert (await ours.ask("GET", path)).status == 404
    user = await ours.make("/users", {"name": "Boss", "email": new_email(), "role": "admin"})
    assert (await ours.ask("POST", path, {"user_id": user["id"]})).status == 409  # there is no server
    await ours.ask("PATCH", "/workspace", {"mail": MAIL})
    async with new_workspace(service) as others:
        theirs = await others.make("/users", {"name": "Boss", "email": new_email(), "role": "admin"})
    for wrong in (theirs["id"], 2**40, 0, None, "1"):
        assert set(await ours.errors("POST", path, {"user_id": wrong})) == {"user_id"}
    sent = await ours.ask("POST", path, {"user_id": user["id"]})
    assert (sent.status, sent.body["data"]["state"], sent.body["data"]["answer"]) == (202, "pending", None)
    refused = await ours.ask("POST", path, {"user_id": user["id"]})
    assert (refused.status, refused.code) == (429, "RATE_LIMITED")
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert (await ours.ask("GET", path)).status == 200


async def test_alarms_are_previewed_changed_and_told_to_users_of_the_workspace_only(
    ours: Workspace, service: Service
) -> None:
    shown = (await ours.show("/workspace"))["alarms"]
    assert (shown["dead_letters"], shown["held_digest"]) == ({"user_ids": None, "percent": 10}, {"user_ids": None})
    user = await ours.make("/users", {"name": "Boss", "email": new_email(), "role": "agent"})
    sent = {"dead_letters": {"user_ids": [user["id"]], "percent": 5}, "source_silent": {"minutes": 60}}
    preview = (await ours.ask("PATCH", "/workspace?preview=1", {"alarms": sent})).body["data"]
    assert [(one["field"], one["code"], one["count"]) for one in preview["effects"]] == [
        ("alarms.source_silent", "alarm_silent", 0),
        ("alarms.dead_letters", "alarm_told", 1),
        ("alarms.dead_letters", "alarm_rang", 0),
    ]
    assert (await ours.show("/workspace"))["alarms"] == shown
    changed = (await ours.ask("PATCH", "/workspace", {"alarms": sent})).body["data"]["alarms"]
    assert changed["dead_letters"] == {"user_ids": [user["id"]], "percent": 5}
    assert changed == (await ours.show("/workspace"))["alarms"]
    async with new_workspace(service) as others:
        theirs = await others.make("/users", {"name": "Boss", "email": new_email(), "role": "admin"})
    for wrong in (theirs["id"], 2**40):
        refused = {"alarms": {"waiting": {"user_ids": [user["id"], wrong]}}}
        for path in ("/workspace", "/workspace?preview=1"):
            assert set(await ours.errors("PATCH", path, refused)) == {"alarms.waiting.user_ids"}
    back = (await ours.ask("PATCH", "/workspace", {"alarms": {"dead_letters": None, "source_silent": None}})).body
    assert back["data"]["alarms"] == shown


async def test_an_alarm_is_sent_as_a_test(ours: Workspace) -> None:
    path = "/workspace/alarm-test"
    for wrong in ("disk", "", None, 7):
        assert set(await ours.errors("POST", path, {"alarm": wrong})) == {"alarm"}
    assert (await ours.ask("POST", path, {"alarm": "waiting"})).status == 409  # no mail server
    await ours.ask("PATCH", "/workspace", {"mail": MAIL})
    assert (await ours.ask("POST", path, {"alarm": "waiting"})).status == 409  # nobody is told
    await ours.make("/users", {"name": "Boss", "email": new_email(), "role": "admin"})
    answer = await ours.ask("POST", path, {"alarm": "waiting"})
    assert (answer.status, answer.body["data"]) == (202, {"alarm": "waiting", "readers": 1})
    assert (await ours.ask("POST", path, {"alarm": "dead_letters"})).status == 429
