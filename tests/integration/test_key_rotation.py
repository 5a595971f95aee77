"""Everything that is encrypted comes under the first key, in pages, and what cannot is named."""

import asyncio
from collections.abc import Iterable

import pytest
from pydantic import SecretStr

from cli import key_rotation
from cli.common import warn_of_wrong_key
from shared.models import Base
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, connect
from shared.platform.settings import Settings
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

OLD, NEW = "the-key-of-before", "the-key-of-hereafter"

# Bytes that are no secrets: digests of such, bodies, and files.
PLAIN = {"digest", "token_digest", "secret_digest", "payload", "body_hash", "hash", "data"}

INTEGRATION = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest)
SELECT 1, 'webhook', 'x', %s, %s, decode(md5(n::text), 'hex') FROM generate_series(1, %s) AS n
"""
DELIVERY = """
INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload, target)
SELECT 1 + n %% 3, 'msg_' || n, 'webhook', 'x', ''::bytea, CASE WHEN n %% 2 = 0 THEN %s::bytea END
FROM generate_series(1, %s) AS n
"""


def cipher(*keys: str) -> Cipher:
    return Cipher(lambda: ",".join(keys))


async def fill(database: Connection, integrations: int, deliveries: int) -> None:
    sealed = cipher(OLD).encrypt("secret")
    await database.execute(INTEGRATION, (sealed, sealed, integrations))
    await database.execute(DELIVERY, (sealed, deliveries))


async def stored(database: Connection, column: key_rotation.EncryptedColumn) -> Iterable[bytes]:
    rows = await database.execute(f"SELECT {column.name} FROM {column.table} WHERE {column.name} IS NOT NULL")
    return [row[0] for row in await rows.fetchall()]


def test_every_column_of_bytes_is_known_for_what_it_is() -> None:
    binary = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.type.python_type is bytes and column.name not in PLAIN
    }
    assert binary == {f"{column.table}.{column.name}" for column in key_rotation.encrypted_columns()}


async def test_rotation_re_encrypts_every_value_once(database: Connection) -> None:
    await fill(database, integrations=3, deliveries=1200)
    both = cipher(NEW, OLD)
    assert await key_rotation.re_encrypt_all(database, both) == key_rotation.RotationResult(3 + 3 + 600, [])
    for column in key_rotation.encrypted_columns():
        assert {cipher(NEW).decrypt(data) for data in await stored(database, column)} <= {"secret"}
    assert await key_rotation.re_encrypt_all(database, both) == key_rotation.RotationResult(0, [])


async def test_rotation_reports_and_keeps_undecryptable_values(database: Connection) -> None:
    await fill(database, integrations=1, deliveries=2)
    await database.execute("UPDATE deliveries SET target = 'nonsense' WHERE target IS NOT NULL")
    done, unreadable = await key_rotation.re_encrypt_all(database, cipher(NEW, OLD))
    assert (done, unreadable) == (2, ["deliveries.target of 3/2"])
    (target,) = await stored(database, next(c for c in key_rotation.encrypted_columns() if c.table == "deliveries"))
    assert target == b"nonsense"


async def test_a_key_that_is_not_the_stored_ones_is_said(
    database: Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    async def said(keys: str) -> str:
        await warn_of_wrong_key(database, Settings(secret_key=SecretStr(keys)))
        return capfd.readouterr().err

    assert await said(NEW) == ""  # nothing is stored
    await fill(database, integrations=2, deliveries=1)
    assert await said(f"{NEW},{OLD}") == ""
    assert "does not decrypt integrations.credentials" in await said(NEW)


async def test_rotation_does_not_overwrite_concurrent_changes(database: Connection) -> None:
    """Between the reading of a page and its storing."""
    await fill(database, integrations=1, deliveries=0)
    both = cipher(NEW, OLD)
    changed = both.encrypt("changed")
    column = key_rotation.EncryptedColumn("integrations", "credentials", ("id",))
    rows = await key_rotation._rows_after(database, column, None)
    await database.execute("UPDATE integrations SET credentials = %s", (changed,))
    changes, _ = key_rotation._re_encrypted_rows(both, rows)
    assert await key_rotation._store_changes(database, column, changes) == 0
    assert await stored(database, column) == [changed]


async def test_a_rotation_waits_for_who_may_still_store_under_the_old_key(
    database: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "SETTLING_SECONDS", 0)
    async with connect(database_url, "leadhub api") as writer:
        async with writer.transaction():
            await writer.execute("SELECT 1")
            waiting = asyncio.create_task(key_rotation.wait_for_open_transactions(database))
            async with connect(database_url, "leadhub api") as later, later.transaction():
                await later.execute("SELECT 1")
                assert not waiting.done()
        await until_async(waiting.done)
        await waiting


async def test_a_rotation_waits_for_nobody_who_stores_no_secrets(
    database: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an operator's own session, left open."""
    monkeypatch.setattr(key_rotation, "SETTLING_SECONDS", 0)
    async with connect(database_url, "psql") as reader, reader.transaction():
        await reader.execute("SELECT 1")
        await asyncio.wait_for(key_rotation.wait_for_open_transactions(database), 60)


async def test_two_rotations_never_run_at_once(database: Connection, database_url: str) -> None:
    async with connect(database_url, "leadhub-cli") as other:
        await key_rotation.lock_rotation(other)
        with pytest.raises(RuntimeError, match="another rotation is at work"):
            await key_rotation.lock_rotation(database)
    await until_async(lambda: _locks(database))


async def _locks(database: Connection) -> bool:
    try:
        await key_rotation.lock_rotation(database)
    except RuntimeError:
        return False
    return True
