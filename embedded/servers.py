"""The embedded servers, used if no URL names an external one, and how commands reach them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from embedded.postgres import EmbeddedPostgres
from embedded.process import ChildProgram, spawn_program, stop_process, wait_ready
from embedded.valkey import EmbeddedValkey
from shared.platform.data_dir import COMMAND_KIND, ENCRYPTION_KEY_NAME, SERVICE_KIND, DataDir
from shared.platform.settings import Settings

EmbeddedServer = EmbeddedPostgres | EmbeddedValkey


class EmbeddedServers:
    """The servers that the settings need: `postgres`, `broker`, `spool`; None if a URL names an external one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.data_dir = DataDir(settings.data_dir)
        self.postgres = None if settings.database_url else EmbeddedPostgres(self.data_dir, settings.embedded_postgres)
        needs_broker = not (settings.broker_url and _redis_url(settings))
        self.broker = EmbeddedValkey(self.data_dir, "broker", durable=False) if needs_broker else None
        self.spool = None if settings.spool_url else EmbeddedValkey(self.data_dir, "spool", durable=True)

    @property
    def needed_servers(self) -> list[EmbeddedServer]:
        """The needed servers, in the order of starting."""
        return [server for server in (self.broker, self.spool, self.postgres) if server]

    def complete_settings(self) -> Settings:
        """Return the settings with every URL filled in. Creates an encryption key if no setting has one."""
        settings = self._settings
        urls = {
            "database_url": self.postgres.database_url if self.postgres else settings.database_url,
            "broker_url": settings.broker_url or (self.broker.broker_url if self.broker else ""),
            "redis_url": _redis_url(settings) or (self.broker.redis_url if self.broker else ""),
            "spool_url": self.spool.redis_url if self.spool else settings.spool_url,
        }
        if not settings.secret_key.get_secret_value():
            self.data_dir.get_or_create_secret(ENCRYPTION_KEY_NAME)
        return settings.model_copy(update={"data_dir": self.data_dir.path, **urls})


@contextmanager
def ensure_servers(
    settings: Settings, *, kind: str = COMMAND_KIND, want: tuple[str, ...] = ("postgres",)
) -> Iterator[Settings]:
    """Yield settings whose URLs answer.

    These are the given URLs; otherwise those of servers that already run on the data dir; otherwise those of servers
    started for as long as this context lasts. `want` names the servers to start, of `postgres, broker, spool`. If
    `kind` is a service, other commands can use them too. RuntimeError if they do not start.
    """
    embedded = EmbeddedServers(settings)
    wanted = [server for server in embedded.needed_servers if server.name in want]
    with ExitStack() as stack:
        if wanted and not _runs_elsewhere(embedded.data_dir):
            stack.enter_context(embedded.data_dir.hold_lock(kind))
            embedded.data_dir.forget_ports()
            for server in wanted:
                stack.enter_context(run_program(server.child_program()))
        elif wanted:
            _wait_for_servers(wanted)
        yield embedded.complete_settings()


@contextmanager
def ensure_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of a database that answers, started if needed."""
    if settings.database_url:
        yield settings.database_url
        return
    with ensure_servers(settings) as found:
        yield found.database_url


@contextmanager
def run_program(program: ChildProgram) -> Iterator[None]:
    """Run a program, ready, for as long as the context lasts."""
    process = spawn_program(program)
    try:
        wait_ready(program, process)
        yield
    finally:
        stop_process(process, program.stop_signal, 30)


def _runs_elsewhere(data_dir: DataDir) -> bool:
    holder = data_dir.lock_owner()
    return holder is not None and holder[1] == SERVICE_KIND


def _wait_for_servers(servers: list[EmbeddedServer], seconds: float = 20) -> None:
    """Wait for servers that another process is just starting."""
    deadline = time.monotonic() + seconds
    while silent := [server.name for server in servers if not server.is_ready()]:
        if time.monotonic() > deadline:
            names = " and ".join(silent)
            raise RuntimeError(f"a leadhub runs on this data dir, but its {names} did not answer for {seconds:g} s")
        time.sleep(0.05)


def _redis_url(settings: Settings) -> str:
    """Return the URL of the Redis for rate limits: its own, otherwise that of the broker if the broker is Redis."""
    if settings.redis_url:
        return settings.redis_url
    return settings.broker_url if settings.broker_url.startswith(("redis://", "rediss://")) else ""
