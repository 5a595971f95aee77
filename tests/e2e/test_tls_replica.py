"""Lists of the API from a replica by TLS: with the right CA from it, with another from the primary, which is said."""

import json
from pathlib import Path

import aiohttp
import pytest

from cli.schema import upgrade_database
from services.api.list_replica import LIST_REPLICA
from shared.auth import installation_keys
from shared.platform.db.connections import connect
from shared.platform.observability import logging
from shared.platform.observability.metrics import LISTS_READ
from shared.workspaces import create_workspace
from tests.support.captured_log import CapturedLog
from tests.support.certificates import CertificateAuthority
from tests.support.commands import ended, started
from tests.support.serving import served, settings_of
from tests.support.standby import primary_and_standby
from tests.support.tls_stores import POSTGRES_PROGRAMS
from tests.support.waiting import until, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.external]

REMEDY = "nobody that is trusted here has issued it: renew it, or name the file of its CA"


@pytest.mark.extended
async def test_lists_come_from_a_replica_that_is_trusted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not POSTGRES_PROGRAMS.exists():
        pytest.skip("no PostgreSQL 15 of the machine's packages")
    authority, other = CertificateAuthority(tmp_path), CertificateAuthority(tmp_path, "other")
    logging.configure_logging("api")
    with primary_and_standby(tmp_path, str(POSTGRES_PROGRAMS), authority.issue()) as (primary, standby):
        upgrade_database(primary.url)
        headers = {"Authorization": f"Bearer {await new_key(primary.url)}"}
        verified = f"{standby.url}?sslmode=verify-full&sslrootcert={authority.trusted}"
        settings = settings_of(primary.url, tmp_path, replica_url=verified, replica_lag=3600)
        async with served(settings) as (client, app):
            await until_async(lambda: app[LIST_REPLICA].is_usable, what="a replica that is used")
            assert await server_of_a_list(client, headers) == "replica"
            assert "ssl" in await encryption_of_sessions(standby.url)

        unknown = f"{standby.url}?sslmode=verify-full&sslrootcert={other.trusted}"
        log = CapturedLog(capfd)
        async with served(settings.model_copy(update={"replica_url": unknown})) as (client, _):
            assert await server_of_a_list(client, headers) == "primary"
            await until_async(lambda: log.has("replica.not_used"), what="the warning")
        line = next(line for line in log.text.splitlines() if "replica.not_used" in line)
        assert REMEDY in json.loads(line)["why"]

        urls = {"LEADHUB_DATABASE_URL": primary.url, "LEADHUB_REPLICA_URL": unknown}
        status, told = ended(started(tmp_path / "data", "status", **urls))
        assert (status, "the replica of LEADHUB_REPLICA_URL does not answer" in told) == (0, True)
        assert REMEDY in told
        assert standby.password not in told
        urls["LEADHUB_REPLICA_URL"] = verified
        until(lambda: "replica" not in ended(started(tmp_path / "data", "status", **urls))[1], what="a replica in time")


async def new_key(url: str) -> str:
    async with connect(url, "tests") as database:
        await create_workspace(database, "main", "Main")
        return (await installation_keys.create_key(database, "main", "one", ["*"], rate_limit=None)).key.secret


async def server_of_a_list(client: aiohttp.ClientSession, headers: dict[str, str]) -> str:
    """The server that a list came from."""
    before = {name: lists_from(name) for name in ("replica", "primary")}
    async with client.get("/api/v1/tags", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    return next(name for name, count in before.items() if lists_from(name) > count)


def lists_from(server: str) -> float:
    return float(LISTS_READ.labels(server)._value.get())


async def encryption_of_sessions(url: str) -> set[str]:
    """How the API's sessions of a server are transported."""
    sql = (
        "SELECT CASE WHEN ssl THEN 'ssl' ELSE 'plain' END FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE application_name LIKE '%%api'"
    )
    async with connect(url, "tests") as database:
        return {str(kind) for (kind,) in await (await database.execute(sql)).fetchall()}
