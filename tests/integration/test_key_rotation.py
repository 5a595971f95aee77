"""Everything that is encrypted comes under the first key, in pages, and what cannot is named."""

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from pydantic import SecretStr

from cli import key_rotation
from cli.common import warn_of_wrong_key
from shared.integrations import integration_management
from shared.models import Base
from shared.platform.crypto.encryption import Cipher, TransactionCipher
from shared.platform.db.connections import Connection, connect, connection_parameters
from shared.platform.settings import Settings
from tests.support.ingesting import workspace_id
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

OLD, NEW = "the-key-of-before", "the-key-of-hereafter"
HELD_UP_SECONDS = 3.0

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


def cipher(*keys: str) -> TransactionCipher:
    return TransactionCipher(lambda: ",".join(keys))


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


async def test_a_confirmation_during_the_first_pass_leaves_nothing_under_the_old_key(
    database: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It copies a secret that the pass has not reached to a column that the pass has left."""
    pending = "INSERT INTO accounts (email, name, totp_pending_secret) VALUES ('ada@example.com', 'Ada', %s)"
    confirm = "UPDATE accounts SET totp_secret = totp_pending_secret, totp_pending_secret = NULL"
    await database.execute(pending, (cipher(OLD).encrypt("secret"),))
    read_rows = key_rotation._rows_after

    async def rows_after(
        connection: Connection, column: key_rotation.EncryptedColumn, last: tuple[Any, ...] | None
    ) -> list[tuple[Any, ...]]:
        if column.name == "totp_pending_secret":
            async with connect(database_url, "tests") as other:
                await other.execute(f"{confirm} WHERE totp_pending_secret IS NOT NULL")
        return await read_rows(connection, column, last)

    monkeypatch.setattr(key_rotation, "_rows_after", rows_after)
    assert await key_rotation.re_encrypt_all(database, cipher(NEW, OLD)) == key_rotation.RotationResult(1, [])
    columns = [column for column in key_rotation.encrypted_columns() if column.table == "accounts"]
    assert [await stored(database, column) for column in columns if column.name == "totp_pending_secret"] == [[]]
    [[sealed]] = [await stored(database, column) for column in columns if column.name == "totp_secret"]
    assert cipher(NEW).decrypt(sealed) == "secret"


async def begins_late(database_url: str) -> Connection:
    """A connection like those of the API and the console, which begin a transaction with its first statement."""
    return await psycopg.AsyncConnection.connect(database_url, **connection_parameters("leadhub api"))


async def rotate(database_url: str) -> None:
    async with connect(database_url, "leadhub-cli") as connection:
        await key_rotation.wait_for_open_transactions(connection)
        await key_rotation.re_encrypt_all(connection, cipher(NEW, OLD))


async def test_a_service_that_is_held_up_with_the_old_key_in_hand_leaves_nothing_under_it(
    database: Connection, database_url: str
) -> None:
    """It has read the key, and gets no processor before the rotation has gone over all that is stored."""
    rotation = threading.Thread(target=lambda: asyncio.run(rotate(database_url)))
    has_begun = False

    def read() -> str:
        if has_begun and not rotation.ident:
            rotation.start()
            rotation.join(HELD_UP_SECONDS)
        return OLD

    held_up, workspace = Cipher(read), await workspace_id(database)
    has_begun = True
    async with await begins_late(database_url) as connection:
        fields = {"type": "telegram", "name": "x", "credentials": {"secret_token": "a secret"}}
        await integration_management.create_integration(connection, held_up, workspace, fields, {})
    await asyncio.to_thread(rotation.join)
    for column in key_rotation.encrypted_columns():
        if column.table == "integrations":
            [sealed] = await stored(database, column)
            assert cipher(NEW).can_decrypt(sealed), column.name


async def test_nothing_is_encrypted_before_a_transaction_has_begun(database: Connection, database_url: str) -> None:
    states: list[TransactionStatus] = []
    async with await begins_late(database_url) as connection:

        def read() -> str:
            states.append(connection.info.transaction_status)
            return NEW

        keys = Cipher(read)
        states.clear()
        assert keys.decrypt((await keys.in_transaction(connection)).encrypt("secret")) == "secret"
        assert set(states) == {TransactionStatus.INTRANS}
    with pytest.raises(RuntimeError, match="in the transaction that stores it"):
        await keys.in_transaction(database)  # in autocommit
    async with database.transaction():
        assert keys.decrypt((await keys.in_transaction(database)).encrypt("secret")) == "secret"


async def test_a_rotation_waits_for_who_may_still_store_under_the_old_key(
    database: Connection, database_url: str
) -> None:
    async with connect(database_url, "leadhub api") as writer:
        async with writer.transaction():
            await writer.execute("SELECT 1")
            waiting = asyncio.create_task(key_rotation.wait_for_open_transactions(database))
            async with connect(database_url, "leadhub api") as later, later.transaction():
                await later.execute("SELECT 1")
                assert not waiting.done()
        await until_async(waiting.done)
        await waiting


async def test_a_rotation_waits_for_nobody_who_stores_no_secrets(database: Connection, database_url: str) -> None:
    """As an operator's own session, left open."""
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
