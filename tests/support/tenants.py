"""Workspaces and keys on a running LeadHub's database, as the commands `workspace create` and `key create` make them.

They are made in the test's own process: a start of the command takes most of a second. The commands have tests of
their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from shared import workspaces
from shared.auth import installation_keys
from shared.platform.db.connections import Connection, connect

MadeT = TypeVar("MadeT")


def create_workspace(database_url: str, slug: str, name: str, country: str = "US") -> int:
    """Make a workspace and return its id."""
    return _in_transaction(database_url, lambda use: workspaces.create_workspace(use, slug, name, country))


def create_key(
    database_url: str,
    scopes: str,
    *,
    workspace: str = "main",
    name: str = "tests",
    rate_limit: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, int]:
    """Make a key, without limit unless given one, and return it with its id."""
    made = _in_transaction(
        database_url,
        lambda use: installation_keys.create_key(use, workspace, name, scopes.split(), rate_limit, expires_at),
    )
    return made.key.secret, made.id


def _in_transaction(database_url: str, make: Callable[[Connection], Awaitable[MadeT]]) -> MadeT:
    async def run() -> MadeT:
        async with connect(database_url, "tests") as connection, connection.transaction():
            return await make(connection)

    with ThreadPoolExecutor(1) as thread:  # the caller's thread may have a loop that runs
        return thread.submit(asyncio.run, run()).result()
