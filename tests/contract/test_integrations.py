"""Integrations, whose credentials go in and never come out, and their types."""

import hashlib
import json
from typing import Any

import pytest
from pydantic import SecretStr

from services.api.app import ROUTES
from shared.integrations.catalogue import INTEGRATION_TYPES
from shared.platform.crypto.encryption import Cipher, TransactionCipher
from shared.platform.settings import Settings
from tests.contract.service import Service
from tests.contract.workspaces import Workspace, assert_foreign

RECORD = [
    "id",
    "type",
    "name",
    "is_active",
    "settings",
    "credentials",
    "webhook_url",
    "last_received_at",
    "last_error",
    "created_at",
    "updated_at",
]
SECRET = "not-to-be-seen-7531"
SLACK = "https://hooks.slack.example/services/T0/B0/abcdefgh"
SMTP = {"host": "mail.example.com", "port": 2525, "username": "crm", "password": SECRET, "from": "crm@example.com"}
ACCOUNT_KEY = json.dumps({"client_email": "a@b.iam.gserviceaccount.com", "private_key": SECRET})
MAILGUN = {"signing_key": SECRET, "api_key": SECRET, "domain": "mg.example.com", "from": "crm@example.com"}


def body(type_: str, credentials: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"type": type_, "name": "Test", "credentials": credentials, **fields}


async def _circuits(ours: Workspace, *opened: str) -> list[str]:
    """The receivers of the workspace of which something is known, after the circuits of some were opened."""
    with ours.service.stack.database() as database:
        row = database.execute("SELECT id FROM workspaces WHERE slug = %s", (ours.slug,)).fetchone()
        assert row is not None
        add = "INSERT INTO endpoints (workspace_id, endpoint, slots, open_until) VALUES (%s, %s, 1, now() + '1 hour')"
        for endpoint in opened:
            database.execute(add, (row[0], endpoint))
        known = "SELECT endpoint FROM endpoints WHERE workspace_id = %s ORDER BY 1"
        return [name for (name,) in database.execute(known, row).fetchall()]


async def test_changed_or_deleted_its_failures_are_forgotten(ours: Workspace) -> None:
    slack = await ours.make("/integrations", body("slack", {"webhook_url": SLACK}))
    own, path = f"integration:{slack['id']}", f"/integrations/{slack['id']}"
    assert await _circuits(ours, own, "mail") == [own, "mail"]
    assert (await ours.ask("PATCH", path, {"credentials": {"webhook_url": SLACK}})).status == 200
    assert await _circuits(ours, own) == [own, "mail"]
    assert (await ours.ask("DELETE", path)).status == 204
    assert await _circuits(ours) == ["mail"]
    for mailer in (body("smtp", SMTP), body("mailgun", MAILGUN)):
        path = f"/integrations/{(await ours.make('/integrations', mailer))['id']}"
        assert await _circuits(ours, "mail") == ["mail"]  # a new way of the mails had not failed
        assert (await ours.ask("PATCH", path, {"credentials": mailer["credentials"]})).status == 200
        assert await _circuits(ours, "mail") == ["mail"]
        assert (await ours.ask("DELETE", path)).status == 204
        assert await _circuits(ours) == []


async def test_integration_types_come_in_one_answer(ours: Workspace) -> None:
    answer = await ours.ask("GET", "/integrations/types")
    assert (answer.status, answer.body.keys()) == (200, {"data"})
    found = answer.body["data"]
    assert [kind["type"] for kind in found] == list(INTEGRATION_TYPES)
    assert all(list(kind) == ["type", "name", "direction", "fields", "verification", "docs"] for kind in found)
    assert all(list(field) == ["key", "label", "required", "secret"] for kind in found for field in kind["fields"])


async def test_every_type_can_be_made_with_what_it_says_it_needs(ours: Workspace) -> None:
    given = {"port": "587", "from": "crm@example.com", "webhook_url": SLACK, "dataset_id": "100200300"}
    given |= {"customer_id": "123-456-7890", "conversion_action": "42", "service_account_key": ACCOUNT_KEY}
    for kind in (await ours.ask("GET", "/integrations/types")).body["data"]:
        secret = "whsec_" + "c2VjcmV0IG9mIHR3ZW50eSBmb3VyIGJ5dGVz" if kind["type"] == "standard_webhooks" else SECRET
        needed = {field["key"]: given.get(field["key"], secret) for field in kind["fields"] if field["required"]}
        made = await ours.make("/integrations", body(kind["type"], needed))
        assert sorted(made) == sorted(RECORD)
        assert (made["webhook_url"] is None) == (kind["direction"] == "outbound")
        assert made["credentials"].keys() == {field["key"] for field in kind["fields"]}
        assert all(
            SECRET not in (made["credentials"][field["key"]] or "") for field in kind["fields"] if field["secret"]
        )


async def test_an_integration_from_making_to_deleting(ours: Workspace, service: Service) -> None:
    made = await ours.make("/integrations", body("mailgun", {"signing_key": SECRET, "domain": "mg.example.com"}))
    path = f"/integrations/{made['id']}"
    assert made["credentials"] == {
        "signing_key": "********7531",
        "api_key": None,
        "domain": "mg.example.com",
        "region": None,
        "from": None,
    }
    assert made["settings"]["mapping"] == {}
    assert (made["is_active"], made["last_received_at"], made["last_error"]) == (True, None, None)
    base, _, token = made["webhook_url"].rpartition("/")
    assert base == f"{service.url}/api/inbound/webhooks"
    assert len(token) >= 40
    assert await ours.show(path) == made
    assert (await ours.ask("GET", "/integrations")).body["data"][0] == made

    changed = (await ours.ask("PATCH", path, {"name": "New", "is_active": False})).body["data"]
    assert {**changed, "updated_at": made["updated_at"]} == {**made, "name": "New", "is_active": False}
    assert changed["updated_at"] > made["updated_at"]
    assert (await ours.ask("DELETE", path)).status == 204
    assert (await ours.ask("GET", path)).status == 404


async def test_integration_written_back_unchanged_stays_the_same(ours: Workspace, service: Service) -> None:
    made = await ours.make("/integrations", body("smtp", SMTP, settings={"source": "mail"}))
    stored = await credentials_of(service, made["id"])
    again = (await ours.ask("PUT", f"/integrations/{made['id']}", made)).body["data"]
    assert {**again, "updated_at": made["updated_at"]} == made
    unset = {"security": None, "from_name": None}
    assert made["credentials"] == {**SMTP, **unset, "port": "2525", "password": "********7531"}
    assert await credentials_of(service, made["id"]) == stored == {**SMTP, "port": "2525"}


async def credentials_of(service: Service, id_: int) -> dict[str, str]:
    """As they are stored, decrypted with the key of the running service."""
    cipher = Cipher.from_settings(Settings(data_dir=service.stack.folder, secret_key=SecretStr("")))
    with service.stack.database() as database:
        row = database.execute("SELECT credentials, token, token_digest FROM integrations WHERE id = %s", (id_,))
        sealed, token, digest = row.fetchone() or (b"", b"", b"")
    assert hashlib.sha256(cipher.decrypt(token).encode()).digest() == digest
    found: dict[str, str] = json.loads(cipher.decrypt(sealed))
    return found


async def test_credentials_change_key_by_key(ours: Workspace, service: Service) -> None:
    made = await ours.make("/integrations", body("smtp", SMTP))
    path = f"/integrations/{made['id']}"
    change = {"username": None, "password": "another-secret-2468", "port": "25"}
    assert (await ours.ask("PATCH", path, {"credentials": change})).body["data"]["credentials"] == {
        **{name: SMTP[name] for name in ("host", "from")},
        "port": "25",
        **dict.fromkeys(("username", "security", "from_name")),
        "password": "********2468",
    }
    assert (await credentials_of(service, made["id"]))["password"] == "another-secret-2468"
    errors = await ours.errors(
        "PATCH", path, {"credentials": {"host": None, "password": "********7531", "color": "red"}}
    )
    assert errors.keys() == {"credentials.host", "credentials.password", "credentials.color"}
    assert (await ours.errors("PATCH", path, {"credentials": None})).keys() == {
        "credentials.host",
        "credentials.port",
        "credentials.from",
    }


async def test_a_stored_password_goes_to_no_other_host(ours: Workspace, service: Service) -> None:
    made = await ours.make("/integrations", body("smtp", SMTP))
    path, elsewhere = f"/integrations/{made['id']}", {"host": "127.0.0.1", "port": "8216"}
    for sent in (elsewhere, {**elsewhere, "password": made["credentials"]["password"]}):
        errors = await ours.errors("PATCH", path, {"credentials": sent})
        assert errors.keys() == {"credentials.password"}
        assert "host and port" in errors["credentials.password"][0]
    assert (await credentials_of(service, made["id"]))["host"] == SMTP["host"]
    assert (await ours.ask("PATCH", path, {"credentials": {**elsewhere, "password": "anew"}})).status == 200


async def test_all_errors_of_an_integration_are_reported_by_field(ours: Workspace, theirs: Workspace) -> None:
    foreign = (await theirs.ask("GET", "/pipelines")).body["data"][0]
    settings = {"pipeline_id": foreign["id"], "mapping": {"email": "email"}, "merge_policy": "mix"}
    errors = await ours.errors("POST", "/integrations", {"type": "telegram", "settings": settings})
    assert errors.keys() == {
        "name",
        "credentials.secret_token",
        "settings.mapping.email",
        "settings.merge_policy",
    }
    settings = {"pipeline_stage_id": foreign["stages"][0]["id"], "assigned_user_id": 2**40}
    errors = await ours.errors("POST", "/integrations", body("jotform", {"key": "x"}, settings=settings))
    assert errors.keys() == {"credentials.key", "settings.pipeline_stage_id", "settings.assigned_user_id"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", None),
        ("type", "carrier_pigeon"),
        ("type", 5),
        ("name", "x" * 256),
        ("is_active", "yes"),
        ("settings", []),
        ("settings", {"tags": "vip"}),
        ("credentials", "secret"),
        ("credentials", {"secret": 1.5}),
        ("credentials", {"secret": ["a"]}),
        ("credentials", {"secret": "x" * 10_001}),
        ("credentials", {"secret": "a\0b"}),
    ],
)
async def test_a_value_that_cannot_be_is_refused(ours: Workspace, field: str, value: Any) -> None:
    errors = await ours.errors("POST", "/integrations", {**body("webhook"), field: value})
    assert {name.partition(".")[0] for name in errors} == {field}


async def test_the_type_stays_what_it_is(ours: Workspace) -> None:
    made = await ours.make("/integrations", body("jotform"))
    path = f"/integrations/{made['id']}"
    assert (await ours.errors("PATCH", path, {"type": "tally"})).keys() == {"type"}
    assert (await ours.ask("PATCH", path, {"type": "jotform"})).status == 200


async def test_settings_change_one_by_one_and_know_their_place(ours: Workspace) -> None:
    pipeline = (await ours.ask("GET", "/pipelines")).body["data"][0]
    stage = pipeline["stages"][1]["id"]
    sent = {"source": "jot", "tags": ["a"], "pipeline_stage_id": stage, "mapping": {"email": "$.q3_email"}}
    made = await ours.make("/integrations", body("jotform", settings=sent))
    whole = {
        "merge_policy": None,
        "assigned_user_id": None,
        "event_id": None,
        "rate_limit": None,
        "silence_after_minutes": None,
        "accounts": [],
        "conversions": None,
        **sent,
        "pipeline_id": pipeline["id"],
    }
    assert made["settings"] == whole
    path = f"/integrations/{made['id']}"
    changed = (await ours.ask("PATCH", path, {"settings": {"source": None, "event_id": "$.id"}})).body["data"]
    assert changed["settings"] == {**whole, "source": None, "event_id": "$.id"}


async def test_credentials_under_a_lost_key_are_entered_again(ours: Workspace, service: Service) -> None:
    made = await ours.make("/integrations", body("telegram", {"secret_token": SECRET}))
    path, lost = f"/integrations/{made['id']}", TransactionCipher(lambda: "a-key-that-is-no-more")
    with service.stack.database() as database:
        row = (lost.encrypt("{}"), lost.encrypt("token"), made["id"])
        database.execute("UPDATE integrations SET credentials = %s, token = %s WHERE id = %s", row)
    shown = await ours.show(path)
    assert (shown["credentials"], shown["webhook_url"]) == ({"secret_token": None}, None)
    assert "cannot be decrypted" in shown["last_error"]
    renamed = (await ours.ask("PATCH", path, {"name": "Still"})).body["data"]
    assert (renamed["name"], renamed["credentials"]) == ("Still", {"secret_token": None})
    assert (await ours.errors("PATCH", path, {"credentials": {}})).keys() == {"credentials.secret_token"}
    healed = (await ours.ask("PATCH", path, {"credentials": {"secret_token": SECRET}})).body["data"]
    assert (healed["credentials"], healed["last_error"]) == ({"secret_token": "********7531"}, None)
    assert healed["webhook_url"] not in (None, made["webhook_url"])
    await credentials_of(service, made["id"])


async def test_integrations_of_another_workspace_are_invisible(ours: Workspace, theirs: Workspace) -> None:
    made = await ours.make("/integrations", body("jotform"))
    await assert_foreign(ours, theirs, f"/integrations/{made['id']}", {"name": "Mine"})
    assert (await theirs.ask("GET", "/integrations")).body["meta"]["total"] == 0


def test_integration_routes_require_their_scopes() -> None:
    scopes = {(route.method, route.path): getattr(route.handler, "scope", None) for route in ROUTES}
    for path, kind in (("integrations", "integrations"), ("webhooks", "integrations")):
        assert scopes["GET", f"/api/v1/{path}"] == f"read:{kind}"
        assert scopes["DELETE", f"/api/v1/{path}/{{id}}"] == f"write:{kind}"
    assert scopes["POST", "/api/v1/webhooks/{id}/rotate-secret"] == "write:integrations"
    assert scopes["GET", "/api/v1/integrations/types"] == "read:integrations"
    assert scopes["PATCH", "/api/v1/lead-scoring-rules/{id}"] == "write:automations"
    assert scopes["DELETE", "/api/v1/lead-scoring-rules/{id}"] == "delete:automations"
