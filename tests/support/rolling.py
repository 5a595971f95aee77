"""Two gateways, two APIs and two consoles behind a proxy of `deploy/`, restarted one after another."""

import copy
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.stack import LAUNCHER, Stack
from tests.support.waiting import until

KINDS = ("gateway", "api", "console")
NOTICE_SECONDS = "2"
CADDY_PLURALS = {"gateway": "LEADHUB_GATEWAYS", "api": "LEADHUB_APIS", "console": "LEADHUB_CONSOLES"}


class ServicePair:
    """Two processes of one service, each on a port of its own, and from the checkout of its launcher."""

    def __init__(
        self, kind: str, data: Path, launchers: Sequence[str] = (LAUNCHER, LAUNCHER), options: tuple[str, ...] = ()
    ) -> None:
        env = {"LEADHUB_STOP_NOTICE": NOTICE_SECONDS}
        self.kind = kind
        self.members = [Stack(data, env, options, command=kind, launcher=each) for each in launchers]

    @property
    def addresses(self) -> list[str]:
        """`host:port` of each."""
        return [f"127.0.0.1:{each.port}" for each in self.members]

    def restart(self, number: int) -> None:
        """Stop one by SIGTERM, start it again, and wait until it is healthy."""
        member = self.members[number]
        assert member.process is not None
        member.process.send_signal(signal.SIGTERM)
        assert member.process.wait(60) == 0
        member.launch()
        member.until_healthy()


@contextmanager
def service_pairs(stack: Stack) -> Iterator[dict[str, ServicePair]]:
    """Two of each web service beside the stack, on its stores."""
    pairs = {kind: ServicePair(kind, stack.folder) for kind in KINDS}
    members = [member for pair in pairs.values() for member in pair.members]
    with ExitStack() as opened:
        for member in members:
            member.launch()
            opened.callback(member.stop)
        for member in members:
            member.until_healthy()
        yield pairs


@contextmanager
def behind_proxy(stack: Stack, program: str, pairs: dict[str, ServicePair], log: Path) -> Iterator[Stack]:
    """The stack as its clients see it through `haproxy` or `caddy`, with the file that `deploy/` has."""
    port = free_port("127.0.0.1")
    command, env = (_haproxy if program == "haproxy" else _caddy)(port, pairs)
    with log.open("wb") as output:
        proxy = subprocess.Popen(command, env={**os.environ, **env}, stdout=output, stderr=output)
    seen = copy.copy(stack)
    seen.port, seen.base = port, f"http://127.0.0.1:{port}"
    try:
        until(seen.is_healthy, what=f"an answer through {program}")
        yield seen
    finally:
        proxy.terminate()
        proxy.wait(30)


def _haproxy(port: int, pairs: dict[str, ServicePair]) -> tuple[list[str], dict[str, str]]:
    addresses = {
        f"LEADHUB_{kind.upper()}_{number}": address
        for kind, pair in pairs.items()
        for number, address in enumerate(pair.addresses, 1)
    }
    command = ["haproxy", "-db", "-f", str(PROJECT_ROOT / "deploy" / "haproxy.cfg")]
    return command, {"LEADHUB_BIND": f"127.0.0.1:{port}", **addresses}


def _caddy(port: int, pairs: dict[str, ServicePair]) -> tuple[list[str], dict[str, str]]:
    addresses = {CADDY_PLURALS[kind]: " ".join(pair.addresses) for kind, pair in pairs.items()}
    file = str(PROJECT_ROOT / "deploy" / "Caddyfile")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", file], {"LEADHUB_SITE": f":{port}", **addresses}
