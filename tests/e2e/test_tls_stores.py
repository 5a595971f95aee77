"""PostgreSQL, the spool, the Redis for limits and the broker by TLS, with certificates of a private authority."""

import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from cli.external_stores import warn_of_unavailable_stores
from cli.spool_check import check_spool_durability
from shared.intake.hints import HintSender
from shared.platform.settings import Settings
from tests.support.certificates import CertificateAuthority, ServerCertificate
from tests.support.commands import HOST, ended, running, started
from tests.support.processes import descendants
from tests.support.spooling import spooling
from tests.support.stack import Stack, running_stack
from tests.support.standby import ReplicaServer, lone_primary
from tests.support.tiers import first_in_tier
from tests.support.tls_stores import OTHER_HOST, TlsStores, running_postgres, running_tls_stores
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.external]

UNKNOWN_AUTHORITY = "nobody that is trusted here has issued"
WRONG_NAME = "the server's certificate is for another host"
ABSENT_TLS = "speaks no TLS on this port"
EXPIRED = "the server's certificate has expired"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsStores]:
    with running_tls_stores(tmp_path_factory.mktemp("stores")) as stores:
        yield stores


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The file of an authority that issued none of the stores' certificates."""
    return CertificateAuthority(tmp_path, "other").trusted


def settings_of(stores: TlsStores, broker: str) -> dict[str, str]:
    return {
        "LEADHUB_DATABASE_URL": stores.database_url(),
        "LEADHUB_BROKER_URL": broker,
        "LEADHUB_REDIS_URL": stores.redis_url(1),
        "LEADHUB_SPOOL_URL": stores.redis_url(0),
    }


@pytest.mark.parametrize("broker", first_in_tier("rabbitmq", "redis"))
def test_leads_go_through_stores_by_tls(stores: TlsStores, tmp_path: Path, broker: str) -> None:
    """Over the broker, and over the spool while PostgreSQL is away. A backup reads them all."""
    url = stores.rabbitmq_url() if broker == "rabbitmq" else stores.redis_url(2)
    with running_stack(tmp_path / "data", env=settings_of(stores, url)) as stack:
        assert "WARNING" not in stack.said()
        with stack.frozen("sweeper"):
            assert stack.answers_201()  # of a worker that a hint woke
        with frozen(stores.postgres):
            assert status_of_post(stack) == 202
        until(lambda: counts_of(stack) == (0, 0), 60, "the lead of the spool is done")
        stack.run("backup", str(tmp_path / "backup.tar"))
        with redis.Redis.from_url(stores.redis_url(1)) as limits:
            assert {"0", "1"} <= {client["db"] for client in limits.client_list()}


@pytest.mark.parametrize("command", first_in_tier("migrate", "up", "backup", "status"))
def test_a_postgresql_of_another_authority_is_refused(
    stores: TlsStores, other: Path, tmp_path: Path, command: str
) -> None:
    words = (command, str(tmp_path / "backup.tar")) if command == "backup" else (command,)
    urls = {"LEADHUB_DATABASE_URL": stores.database_url(other), "LEADHUB_SPOOL_URL": stores.redis_url()}
    status, said = ended(started(tmp_path / "data", *words, **urls))
    assert (status == 0) is (command == "status")
    assert "or nobody that is trusted here has issued it: renew it, or name the file of its CA" in said
    assert stores.postgres.password not in said


@pytest.mark.extended
def test_a_gateway_says_which_of_its_stores_are_refused(stores: TlsStores, other: Path, tmp_path: Path) -> None:
    urls = {
        "LEADHUB_DATABASE_URL": stores.database_url(other),
        "LEADHUB_BROKER_URL": stores.rabbitmq_url(other),
        "LEADHUB_REDIS_URL": stores.redis_url(1, other),
        "LEADHUB_SPOOL_URL": stores.redis_url(0, other),
    }
    wanted, lines = set(urls), list[str]()
    with running(started(tmp_path / "data", "gateway", "--port", "0", **urls)) as gateway:
        assert gateway.stderr is not None
        for line in gateway.stderr:
            lines.append(line)
            wanted -= {name for name in wanted if name in line and UNKNOWN_AUTHORITY in line}
            if not wanted:
                break
    assert not wanted
    assert not any(secret in "".join(lines) for secret in ("hidden", "guest", stores.postgres.password))


@pytest.mark.extended
def test_status_says_once_why_the_spool_is_refused(stores: TlsStores, other: Path, tmp_path: Path) -> None:
    """And `migrate` asks neither it nor the broker."""
    urls = {
        "LEADHUB_DATABASE_URL": stores.database_url(),
        "LEADHUB_BROKER_URL": stores.rabbitmq_url(other),
        "LEADHUB_SPOOL_URL": stores.redis_url(0, other),
    }
    status, said = ended(started(tmp_path / "data", "migrate", **urls))
    assert (status, said.splitlines()[-1]) == (0, "the database is up to date"), said
    assert "LEADHUB_" not in said
    status, said = ended(started(tmp_path / "data", "status", **urls))
    assert (status, said.count("the spool does not answer (LEADHUB_SPOOL_URL: "), said.count("\n")) == (0, 1, 1), said
    assert UNKNOWN_AUTHORITY in said


@pytest.mark.extended
def test_a_certificate_for_another_host_is_refused(
    stores: TlsStores, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broker, limits, spool = (
        stores.rabbitmq_url(host=OTHER_HOST),
        *(stores.redis_url(n, host=OTHER_HOST) for n in (1, 0)),
    )
    assert said_of(capfd, broker, limits, spool).count(WRONG_NAME) == 3
    assert not HintSender(broker)()
    assert WRONG_NAME in refusal_of(tmp_path, stores.database_url(host=OTHER_HOST))


@pytest.mark.extended
def test_a_server_without_tls_is_named(stores: TlsStores, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with spooling(tmp_path) as plain, lone_primary(tmp_path) as primary:
        url = f"rediss{plain.removeprefix('redis')}"
        broker = f"amqps://guest:guest@{HOST}:{stores.plain_rabbitmq_port}//"
        assert said_of(capfd, broker, url, url).count(ABSENT_TLS) == 3
        assert "turn on TLS in PostgreSQL" in refusal_of(tmp_path, f"{primary.url}?sslmode=verify-full")


@pytest.mark.extended
def test_an_expired_certificate_is_refused(
    stores: TlsStores, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    authority = CertificateAuthority(tmp_path)
    expired = authority.issue(lasts=-timedelta(days=1))
    with handshaking(expired) as place, running_postgres(tmp_path / "postgres", expired) as postgres:
        urls = (f"amqps://guest:guest@{place}//", *(f"rediss://:hidden@{place}/{number}" for number in (1, 0)))
        said = said_of(capfd, *(f"{url}?ssl_ca_certs={authority.trusted}" for url in urls))
        url = f"{postgres.url}?sslmode=verify-full&sslrootcert={authority.trusted}"
        assert "the server's certificate has expired, or" in refusal_of(tmp_path, url)
    assert said.count(EXPIRED) == 3
    assert "hidden" not in said


def test_hints_go_to_verified_brokers_alone_unless_the_url_says_otherwise(stores: TlsStores) -> None:
    """kombu itself verifies nothing with `rediss://`, and no name with `amqps://`."""
    for url in (stores.rabbitmq_url(), stores.redis_url(2)):
        unnamed = url.partition("?")[0]
        assert HintSender(url)()
        assert not HintSender(unnamed)()
        assert HintSender(f"{unnamed}?ssl_cert_reqs=none")()
    for url in (stores.rabbitmq_url(host=OTHER_HOST), stores.redis_url(2, host=OTHER_HOST)):
        assert not HintSender(url)()
        assert HintSender(f"{url}&ssl_check_hostname=false")()


def said_of(capfd: pytest.CaptureFixture[str], broker: str, limits: str, spool: str) -> str:
    """What a start says of these three."""
    settings = Settings(broker_url=broker, redis_url=limits, spool_url=spool)
    warn_of_unavailable_stores(settings)
    check_spool_durability(settings)
    return capfd.readouterr().err


def refusal_of(folder: Path, database_url: str) -> str:
    """What `migrate` says of it."""
    status, said = ended(started(folder / "data", "migrate", LEADHUB_DATABASE_URL=database_url))
    assert status == 1
    return said


def counts_of(stack: Stack) -> tuple[int, int]:
    """The leads that wait, and those of them in the spool."""
    status = stack.status()
    return status["pending"], status["spooled"]


def status_of_post(stack: Stack) -> int:
    request = urllib.request.Request(stack.inbound, b'{"email":"ada@example.com"}', stack.headers)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


@contextmanager
def frozen(server: ReplicaServer) -> Iterator[None]:
    """PostgreSQL with all its processes, for as long as the block lasts."""
    pids = [server.process.pid, *descendants(server.process.pid)]
    signal_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(reversed(pids), signal.SIGCONT)


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def handshaking(certificate: ServerCertificate) -> Iterator[str]:
    """The place of a server that presents this certificate, and answers nothing behind the handshake."""
    with socket.create_server((HOST, 0)) as server, certificate.context().wrap_socket(server, server_side=True) as tls:

        def serve() -> None:
            while tls.fileno() >= 0:
                with suppress(OSError):  # of a client that refuses the certificate, and of the end
                    tls.accept()[0].close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{HOST}:{tls.getsockname()[1]}"
