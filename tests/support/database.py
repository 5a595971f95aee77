"""A PostgreSQL for tests in one process: started once per session, a clone of a migrated template for each test.

Under pytest-xdist each worker process has a server of its own: nothing is shared, so nothing has to be locked.
"""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.schema import upgrade_database
from embedded.servers import ensure_servers
from shared import workspaces
from shared.platform.db.connections import Connection, connect
from shared.platform.settings import Settings

TEMPLATE = "leadhub_template"


class Databases:
    """The session's server. `url` is the template: migrated, with the workspace `main` in it, and left alone."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._numbers = itertools.count(1)
        self.url = self._create(TEMPLATE, "template1")
        upgrade_database(self.url)
        asyncio.run(_create_workspace(self.url))

    @contextmanager
    def clone(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a database of the test's own; one without tables from `template1`."""
        name = f"test_{next(self._numbers)}"
        url = self._create(name, template)
        try:
            yield url
        finally:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _create(self, name: str, template: str) -> str:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run(create.format(sql.Identifier(name), sql.Identifier(template)))
        return make_url(self._server_url).set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running_databases(folder: Path) -> Iterator[Databases]:
    """A server on the data dir `folder` for as long as the context lasts."""
    settings = Settings(data_dir=folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found:
        yield Databases(found.database_url)


async def _create_workspace(url: str) -> None:
    """The workspace `main`, as if somebody waited for its events: else none would be written."""
    async with connect(url, "tests") as connection:
        id_ = await workspaces.create_workspace(connection, "main", "Main")
        await connection.execute("INSERT INTO rule_versions VALUES (%s, 1, true)", (id_,))


async def driver_of(connection: AsyncConnection) -> Connection:
    """The psycopg connection under SQLAlchemy's, in the same transaction."""
    return cast("Connection", (await connection.get_raw_connection()).driver_connection)


def skip_without(setting: str, database: Connection) -> None:
    """Skip the test where PostgreSQL is too old for the setting: `transaction_timeout` came with 17."""
    if setting == "transaction_timeout" and database.info.server_version < 170000:
        pytest.skip("this PostgreSQL has no transaction_timeout")
