"""The servers that stand in where no URL names a real one, and how a command gets at them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from shared.embedded.datadir import KEY, LONG, SHORT, DataDir
from shared.embedded.postgres import Postgres
from shared.embedded.process import Program, spawn, stop, wait_ready
from shared.embedded.valkey import Valkey
from shared.settings import Settings

Server = Postgres | Valkey


class Embedded:
    """The servers that `settings` leave a need for: `postgres`, `broker`, `spool`; None where a URL is set."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.home = DataDir(settings.data_dir)
        self.postgres = None if settings.database_url else Postgres(self.home)
        needs_broker = not (settings.broker_url and _redis_url(settings))
        self.broker = Valkey(self.home, "broker", durable=False) if needs_broker else None
        self.spool = None if settings.spool_url else Valkey(self.home, "spool", durable=True)

    @property
    def servers(self) -> list[Server]:
        """In the order of starting."""
        return [server for server in (self.broker, self.spool, self.postgres) if server]

    def settings(self) -> Settings:
        """The settings with every URL filled in. Where no setting says it, the data dir gets the key that encrypts."""
        found = self._settings
        urls = {
            "database_url": self.postgres.url if self.postgres else found.database_url,
            "broker_url": found.broker_url or (self.broker.broker_url if self.broker else ""),
            "redis_url": _redis_url(found) or (self.broker.redis_url if self.broker else ""),
            "spool_url": self.spool.redis_url if self.spool else found.spool_url,
        }
        if not found.secret_key.get_secret_value():
            self.home.secret(KEY)
        return found.model_copy(update={"data_dir": self.home.path, **urls})


@contextmanager
def connected(settings: Settings, *, kind: str = SHORT, want: tuple[str, ...] = ("postgres",)) -> Iterator[Settings]:
    """Settings whose URLs answer: those given, else of the servers that run on the data dir, else of servers started
    for as long as this context lasts.

    `want` names the servers to start of `postgres, broker, spool`; `kind` LONG lets other commands use them too.
    RuntimeError when they do not start.
    """
    embedded = Embedded(settings)
    wanted = [server for server in embedded.servers if server.name in want]
    with ExitStack() as stack:
        if wanted and not _runs_elsewhere(embedded.home):
            stack.enter_context(embedded.home.locked(kind))
            embedded.home.forget_ports()
            for server in wanted:
                stack.enter_context(running(server.program()))
        elif wanted:
            _wait_for(wanted)
        yield embedded.settings()


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of a database that answers, as `connected`."""
    if settings.database_url:
        yield settings.database_url
        return
    with connected(settings) as found:
        yield found.database_url


@contextmanager
def running(program: Program) -> Iterator[None]:
    """Run it, ready, for as long as the context lasts."""
    process = spawn(program)
    try:
        wait_ready(program, process)
        yield
    finally:
        stop(process, program.stop_signal, 30)


def _runs_elsewhere(data_dir: DataDir) -> bool:
    holder = data_dir.holder()
    return holder is not None and holder[1] == LONG


def _wait_for(servers: list[Server], seconds: float = 20) -> None:
    """For servers that another process is only just starting."""
    deadline = time.monotonic() + seconds
    while silent := [server.name for server in servers if not server.is_ready()]:
        if time.monotonic() > deadline:
            names = " and ".join(silent)
            raise RuntimeError(f"a leadhub runs on this data dir, but its {names} did not answer for {seconds:g} s")
        time.sleep(0.05)


def _redis_url(settings: Settings) -> str:
    """Where rate limits are counted: its own URL, else the broker's if that is Redis."""
    if settings.redis_url:
        return settings.redis_url
    return settings.broker_url if settings.broker_url.startswith(("redis://", "rediss://")) else ""
