"""Erasures: the sweeper's part, without its pauses."""

import asyncio
from pathlib import Path

import redis.asyncio as redis
from pydantic import SecretStr

from services.workers.erasures.erasure_keeper import ErasureKeeper
from shared.intake.spool import Spool
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

SECRET = "a key for tests that is long enough"
CIPHER = Cipher(lambda: SECRET)


class QuietSpool(Spool):
    """A spool in which nothing is: this test's installation has none."""

    def __init__(self) -> None:
        super().__init__(redis.Redis())

    async def count_submissions(self) -> int:
        return 0

    async def rewrite_file(self) -> None:
        return None


def keeper_of(url: str, folder: Path) -> ErasureKeeper:
    """The sweeper's part, with the files in that folder."""
    settings = Settings(data_dir=folder, database_url=url, secret_key=SecretStr(SECRET))
    return ErasureKeeper(settings, QuietSpool(), asyncio.Event())


async def finish_erasures(url: str, connection: Connection, folder: Path) -> int:
    """One look of the sweeper at the open erasures, as if a quiet while had passed."""
    return await keeper_of(url, folder).work_once(connection, settling=0.0)
