"""The way of entries into the audit log: they wait while the table is away, and a stop loses none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDict

from services.workers.retention.installation_retention import expire_audit_log
from shared.audit.audit_entry import AuditActor, AuditDetails, AuditEntry
from shared.audit.audit_masking import masked_fields
from shared.audit.audit_trail import MAX_UNKNOWN_PER_MINUTE, AuditTrail
from shared.platform.db.connections import Connection, make_pool
from shared.platform.web.client_address import TRUSTED_PROXIES, client_address
from tests.support.leads import rows
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

ACTOR = AuditActor("key", 7, "admin", 1)
ACTIONS = "SELECT action FROM audit_log ORDER BY id"


def entry(action: str, actor: AuditActor | None = ACTOR, **details: Any) -> AuditEntry:
    return AuditEntry(action, "done", actor, 1, details=AuditDetails(**details))


@pytest_asyncio.fixture
async def trail(database_url: str) -> AsyncIterator[AuditTrail]:
    pool = make_pool(database_url, "tests", size=2)
    await pool.open()
    yield AuditTrail(pool)
    await pool.close()


async def test_entries_wait_while_they_cannot_be_written(
    trail: AuditTrail, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals: list[Exception] = []
    write = trail._write_batch

    async def write_batch(batch: list[bytes]) -> None:
        try:
            await write(batch)
        except Exception as error:
            refusals.append(error)
            raise

    monkeypatch.setattr(trail, "_write_batch", write_batch)
    await database.execute("ALTER TABLE audit_log RENAME TO away")
    task = asyncio.create_task(trail.run())
    for number in range(450):
        trail.add(entry(f"lane.paused{number}"))
    await until_async(lambda: bool(refusals), what="a write in vain")
    await database.execute("ALTER TABLE away RENAME TO audit_log")

    async def are_written() -> bool:
        return len(await rows(database, ACTIONS)) == 450

    await until_async(are_written, what="the entries")
    assert [action for (action,) in await rows(database, ACTIONS)] == [f"lane.paused{n}" for n in range(450)]
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_stop_writes_what_waits(trail: AuditTrail, database: Connection) -> None:
    trail.add(entry("lane.paused", reason="nul \0 and \ud800", after={"a\0": "b\0"}))
    await trail.stop()
    assert await rows(database, "SELECT action, reason, after FROM audit_log") == [
        ("lane.paused", "nul  and ?", {"a": "b"})
    ]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**400])
async def test_what_cannot_be_encoded_leaves_an_entry_without_it(
    trail: AuditTrail, database: Connection, value: int
) -> None:
    trail.add(entry("scoring_rule.created", object_id="7", after={"value": value}))
    await trail.stop()
    assert await rows(database, "SELECT action, object_id, reason, after FROM audit_log") == [
        ("scoring_rule.created", "7", "details could not be kept", None)
    ]


async def test_strangers_do_not_crowd_out_those_who_are_known(trail: AuditTrail, database: Connection) -> None:
    for _ in range(3 * MAX_UNKNOWN_PER_MINUTE):
        trail.add(entry("user.created", None))
    trail.add(entry("user.created"))
    await trail.stop()
    counted = await rows(database, "SELECT actor_kind, count(*) FROM audit_log GROUP BY 1 ORDER BY 1")
    assert counted[0] == ("key", 1)
    assert MAX_UNKNOWN_PER_MINUTE <= counted[1][1] <= 2 * MAX_UNKNOWN_PER_MINUTE  # a minute may end meanwhile


async def test_old_entries_are_dropped(trail: AuditTrail, database: Connection) -> None:
    old = AuditEntry("old", "done", ACTOR, 1, at=datetime.now(UTC) - timedelta(days=401))
    for one in (old, entry("new")):
        trail.add(one)
    await trail.stop()
    await expire_audit_log(database, 400)
    assert await rows(database, ACTIONS) == [("new",)]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"rate_limit": 5, "scopes": ["*"]}, {"rate_limit": 5, "scopes": ["*"]}),
        (
            {"api_key": "lh_x", "Token": "t", "password": None},
            {"api_key": "********", "Token": "********", "password": None},
        ),
        (
            {"settings": {"notify_emails": ["a@b.c"], "source": "fair"}},
            {"settings": {"notify_emails": "…", "source": "fair"}},
        ),
        ({"url": "https://u:p@x.org/s?k=1"}, {"url": "https://x.org/…"}),
        ({"value": "+49 151 23456789", "since": "2026-03-28T09:15:00"}, {"value": "…", "since": "2026-03-28T09:15:00"}),
        ({"description": "x" * 300}, {"description": f"{'x' * 200}…"}),
    ],
)
def test_values_are_masked(fields: dict[str, Any], kept: dict[str, Any]) -> None:
    assert masked_fields(fields) == kept


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "no address", "10.0.0.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        (None, "198.51.100.1", None),
    ],
)
def test_an_address_is_that_of_the_nearest_who_is_no_trusted_proxy(
    remote: str | None, forwarded: str | None, address: str | None
) -> None:
    headers = CIMultiDict({"X-Forwarded-For": forwarded} if forwarded else {})
    request = SimpleNamespace(remote=remote, headers=headers, app={TRUSTED_PROXIES: "10.0.0.0/8"})
    assert client_address(cast("web.Request", request)) == address
