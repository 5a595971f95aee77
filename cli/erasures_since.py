"""Erasures that were made since a backup: `restore` applies them before the restored state answers anybody."""

import asyncio

import psycopg

from shared.people.erasure_log import LoggedErasure, read_erasures, read_log
from shared.people.restored_erasures import apply_erasures
from shared.platform.crypto.encryption import Cipher, DecryptionError, key_source
from shared.platform.db.connections import connect
from shared.platform.db.contention import retry_contended
from shared.platform.settings import Settings

UNREADABLE_MESSAGE = (
    "people were erased since, and neither the key that is here nor the backup's reads by what they are known: set "
    "LEADHUB_SECRET_KEY to the key of that time"
)


def read_known_erasures(settings: Settings) -> list[LoggedErasure]:
    """Return the erasures that the present state knows: its database, and the log beside its files."""
    known = {(each.workspace_id, each.id): each for each in read_log(settings.files_folder)}
    known |= {(each.workspace_id, each.id): each for each in asyncio.run(_read_present(settings.database_url))}
    return sorted(known.values(), key=lambda each: each.erased_at)


async def apply_known_erasures(
    url: str, settings: Settings, restored_keys: str | None, erasures: list[LoggedErasure]
) -> int:
    """Apply those that the restored database does not know. Return how many. RuntimeError if they cannot be read."""
    if not erasures:
        return 0
    cipher = Cipher(lambda: _all_keys(settings, restored_keys))
    async with connect(url, "leadhub-cli") as connection:
        try:
            return await retry_contended(lambda: apply_erasures(connection, cipher, erasures), attempts=3)
        except DecryptionError:
            raise RuntimeError(UNREADABLE_MESSAGE) from None


def _all_keys(settings: Settings, restored_keys: str | None) -> str:
    """Return the keys, first that with which the services will encrypt."""
    present, given = key_source(settings)(), settings.secret_key.get_secret_value()
    order = [present, restored_keys] if given else [restored_keys, present]
    return ",".join(filter(None, order))


async def _read_present(url: str) -> list[LoggedErasure]:
    """Return the erasures of a database. One without the table has none."""
    async with connect(url, "leadhub-cli") as connection:
        try:
            return await read_erasures(connection)
        except psycopg.errors.UndefinedTable:
            return []
