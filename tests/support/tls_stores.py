"""PostgreSQL, Redis and RabbitMQ of the machine's packages, each started by the tests and reached by TLS."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shared.platform.data_dir import free_port
from tests.support.certificates import CertificateAuthority, ServerCertificate
from tests.support.external import listens
from tests.support.rabbitmq_node import HOST, RABBITMQ_SERVER, RabbitMqNode
from tests.support.standby import ReplicaServer, present_certificate
from tests.support.waiting import until

OTHER_HOST = "127.0.0.2"  # of this machine too, and in no certificate
POSTGRES_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
TLS_CONFIGURATION = """\
listeners.ssl.1 = 0.0.0.0:{port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.cacertfile = {trusted}
"""
CERTIFICATE_DEMAND = "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n"


@dataclass(frozen=True)
class TlsStores:
    """The ports of the stores, their certificate, and the file of the authority that issued it."""

    trusted: Path
    issued: ServerCertificate
    postgres: ReplicaServer
    redis_port: int
    rabbitmq_port: int = 0
    plain_rabbitmq_port: int = 0

    def database_url(self, trusted: Path | None = None, host: str = HOST) -> str:
        """The URL of PostgreSQL, for a client that trusts this file."""
        options = f"sslmode=verify-full&sslrootcert={trusted or self.trusted}"
        return f"postgresql://leadhub:{self.postgres.password}@{host}:{self.postgres.port}/leadhub?{options}"

    def redis_url(self, number: int = 0, trusted: Path | None = None, host: str = HOST) -> str:
        """The URL of one database of Redis."""
        return f"rediss://:hidden@{host}:{self.redis_port}/{number}?ssl_ca_certs={trusted or self.trusted}"

    def rabbitmq_url(self, trusted: Path | None = None, host: str = HOST) -> str:
        return f"amqps://guest:guest@{host}:{self.rabbitmq_port}//?ssl_ca_certs={trusted or self.trusted}"


@contextmanager
def running_tls_stores(folder: Path) -> Iterator[TlsStores]:
    """All three; skips the test where the machine lacks one of them."""
    if not RABBITMQ_SERVER.exists():
        pytest.skip("no RabbitMQ of the machine's packages")
    port = free_port(HOST)
    with (
        running_tls_databases(folder) as stores,
        running_rabbitmq(folder / "rabbitmq", stores.issued, stores.trusted, port) as rabbitmq,
    ):
        rabbitmq.await_start()
        until(lambda: listens(port), what="its port for TLS")
        yield replace(stores, rabbitmq_port=port, plain_rabbitmq_port=rabbitmq.port)


@contextmanager
def running_tls_databases(folder: Path) -> Iterator[TlsStores]:
    """PostgreSQL and Redis, without a RabbitMQ."""
    redis_server = shutil.which("redis-server")
    if redis_server is None or not POSTGRES_PROGRAMS.exists():
        pytest.skip("no PostgreSQL 15 and Redis of the machine's packages")
    authority, port = CertificateAuthority(folder), free_port(HOST)
    issued = authority.issue()
    with (
        running_redis(redis_server, folder / "redis", issued, port),
        running_postgres(folder / "postgres", issued) as postgres,
    ):
        yield TlsStores(authority.trusted, issued, postgres, port)


@contextmanager
def running_postgres(
    folder: Path, issued: ServerCertificate, clients_of: Path | None = None
) -> Iterator[ReplicaServer]:
    """PostgreSQL with TLS, on all addresses, for clients of that authority if one is named."""
    server = ReplicaServer(folder, str(POSTGRES_PROGRAMS))
    present_certificate(server, issued)
    if clients_of:
        (server.postgres.data_folder / "clients.pem").write_bytes(clients_of.read_bytes())
    demand = "ssl_ca_file = 'clients.pem'\n" if clients_of else ""
    server.start(f"listen_addresses = '*'\nssl = on\n{demand}")
    try:
        if clients_of:
            demand_certificates(server)
        yield server
    finally:
        server.stop()


def demand_certificates(server: ReplicaServer) -> None:
    """Have it take connections by TLS alone, of users whose name is that of their certificate."""
    rules = "hostssl all all all scram-sha-256 clientcert=verify-full\n"
    (server.postgres.data_folder / "pg_hba.conf").write_text(rules)
    server.execute("SELECT pg_reload_conf()")
    until(lambda: not server.does_answer(), what="the end of connections without one")


@contextmanager
def running_redis(
    program: str, folder: Path, issued: ServerCertificate, port: int, clients_of: Path | None = None
) -> Iterator[None]:
    """A durable Redis with TLS alone, with the password `hidden`, for clients of that authority if one is named."""
    folder.mkdir()
    options = {
        **{"port": "0", "tls-port": str(port), "bind": "0.0.0.0", "dir": str(folder), "requirepass": "hidden"},
        **{"appendonly": "yes", "appendfsync": "always", "tls-auth-clients": "yes" if clients_of else "no"},
        **{"tls-cert-file": str(issued.certificate), "tls-key-file": str(issued.key)},
    }
    if clients_of:
        options["tls-ca-cert-file"] = str(clients_of)
    command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            until(lambda: listens(port), what="a Redis")
            yield
        finally:
            server.kill()


@contextmanager
def running_rabbitmq(
    folder: Path, issued: ServerCertificate, trusted: Path, port: int, *, wants_certificates: bool = False
) -> Iterator[RabbitMqNode]:
    """A node with TLS on all addresses, and without on loopback. It may not answer yet."""
    tls = TLS_CONFIGURATION.format(port=port, certificate=issued.certificate, key=issued.key, trusted=trusted)
    node = RabbitMqNode(folder, tls + (CERTIFICATE_DEMAND if wants_certificates else ""))
    node.begin()
    try:
        yield node
    finally:
        node.end()
