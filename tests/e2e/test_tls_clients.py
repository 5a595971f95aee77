"""Servers that want a certificate of their clients: with it all goes on, without it the error names the parameters."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from cli.external_stores import warn_of_unavailable_stores
from cli.spool_check import check_spool_durability
from shared.intake.hints import HintSender
from shared.platform.data_dir import free_port
from shared.platform.settings import Settings
from tests.support.certificates import CertificateAuthority, ServerCertificate
from tests.support.commands import HOST, ended, started
from tests.support.external import listens
from tests.support.rabbitmq_node import RABBITMQ_SERVER
from tests.support.spooling import spooling
from tests.support.tls_stores import POSTGRES_PROGRAMS, running_postgres, running_rabbitmq, running_redis
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.external]

WANTED = "the server wants a certificate of its clients: name one in the URL, as ?ssl_certfile="
REFUSED = "if it refuses the certificate that ssl_certfile names"


@pytest.mark.extended
def test_postgresql_gets_the_certificate_that_it_wants(tmp_path: Path) -> None:
    """In all that a backup and a restore take, too: its name is that of PostgreSQL's user."""
    if not POSTGRES_PROGRAMS.exists():
        pytest.skip("no PostgreSQL 15 of the machine's packages")
    authority, file = CertificateAuthority(tmp_path), str(tmp_path / "saved.tar")
    own, old = authority.issue("leadhub"), authority.issue("old", lasts=-timedelta(days=1))
    foreign = CertificateAuthority(tmp_path, "other").issue("foreign")
    with (
        spooling(tmp_path) as spool,
        running_postgres(tmp_path / "postgres", authority.issue(), authority.trusted) as server,
    ):
        url = f"{server.url}?sslmode=verify-full&sslrootcert={authority.trusted}"

        def run(options: str, *words: str) -> tuple[int, str]:
            urls = {"LEADHUB_DATABASE_URL": f"{url}{options}", "LEADHUB_SPOOL_URL": spool}
            return ended(started(tmp_path / "data", *words, **urls))

        for options, remedy in {
            "": "(the server wants a certificate of its clients: name one in the URL, as sslcert=/etc/leadhub",
            named(old, "sslcert", "sslkey"): "(the certificate that sslcert names has expired: renew it)",
            named(foreign, "sslcert", "sslkey"): "(the server trusts another CA than the issuer of the certificate",
            f"&sslcert={own.certificate}": "(name the certificate's key in the URL, as sslkey=",
        }.items():
            status, said = run(options, "migrate")
            assert (status, remedy in said) == (1, True), said
        for words in (("migrate",), ("backup", file), ("restore", file, "--force")):
            status, said = run(named(own, "sslcert", "sslkey"), *words)
            assert status == 0, said


@pytest.mark.extended
def test_rabbitmq_gets_the_certificate_that_it_wants(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if not RABBITMQ_SERVER.exists():
        pytest.skip("no RabbitMQ of the machine's packages")
    authority, port = CertificateAuthority(tmp_path), free_port(HOST)
    own, foreign = authority.issue("client"), CertificateAuthority(tmp_path, "other").issue("foreign")
    with running_rabbitmq(
        tmp_path / "rabbitmq", authority.issue(), authority.trusted, port, wants_certificates=True
    ) as node:
        node.await_start()
        until(lambda: listens(port), what="its port for TLS")
        url = f"amqps://guest:guest@{HOST}:{port}//?ssl_ca_certs={authority.trusted}"
        assert WANTED in said_of(capfd, url)
        assert not HintSender(url)()
        assert REFUSED in said_of(capfd, f"{url}{named(foreign)}")
        assert said_of(capfd, f"{url}{named(own)}") == ""
        assert HintSender(f"{url}{named(own)}")()


@pytest.mark.extended
def test_redis_gets_the_certificate_that_it_wants(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It may end the connection before it has said why."""
    authority, port, program = CertificateAuthority(tmp_path), free_port(HOST), shutil.which("redis-server")
    if program is None:
        pytest.skip("no Redis of the machine's packages")
    own, foreign = authority.issue("client"), CertificateAuthority(tmp_path, "other").issue("foreign")
    with running_redis(program, tmp_path / "redis", authority.issue(), port, authority.trusted):
        url = f"rediss://:hidden@{HOST}:{port}/0?ssl_ca_certs={authority.trusted}"
        said = said_of(capfd, url, url, url)
        assert (said.count("certificate of its clients"), said.count("?ssl_certfile=")) == (3, 3)
        assert not HintSender(url)()
        assert said_of(capfd, *[f"{url}{named(foreign)}"] * 3).count(REFUSED) == 3
        url = f"{url}{named(own)}"
        assert said_of(capfd, url, url, url) == ""
        assert HintSender(url)()


def named(own: ServerCertificate, certificate: str = "ssl_certfile", key: str = "ssl_keyfile") -> str:
    """The parameters that name a certificate and its key."""
    return f"&{certificate}={own.certificate}&{key}={own.key}"


def said_of(capfd: pytest.CaptureFixture[str], broker: str, limits: str = "", spool: str = "") -> str:
    """What a start says of these."""
    capfd.readouterr()
    settings = Settings(broker_url=broker, redis_url=limits, spool_url=spool)
    warn_of_unavailable_stores(settings)
    check_spool_durability(settings)
    return capfd.readouterr().err
