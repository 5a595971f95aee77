"""A RabbitMQ of the machine's packages that a test starts, kills and starts again."""

import os
import subprocess
from pathlib import Path
from typing import Self

from shared.platform.data_dir import free_port
from tests.support.external import listens
from tests.support.processes import descendants, kill_all
from tests.support.waiting import until

HOST = "127.0.0.1"
RABBITMQ_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 90


class RabbitMqNode:
    """A node of its own, with its own folder, cookie and port mapper, which listens on `port` of loopback."""

    def __init__(self, folder: Path, further_configuration: str = "") -> None:
        folder.mkdir()
        self.port = free_port(HOST)
        self._output = folder / "output"
        self._mapper_port = str(free_port(HOST))  # of epmd, which a node starts and leaves behind
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = {HOST}:{self.port}\n{further_configuration}")
        (folder / "plugins").write_text("[].\n")
        self._environment = {
            "HOME": str(folder),  # of Erlang's cookie
            "ERL_EPMD_PORT": self._mapper_port,
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "true",  # it ends when it is told to, although it still names the node
            "RABBITMQ_NODENAME": f"own{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port(HOST)),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }

    def __enter__(self) -> Self:
        """Start it, and wait until it takes connections."""
        self.begin()
        self.await_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """Start it. It may not answer yet."""
        with self._output.open("ab") as log:
            self._process = subprocess.Popen(
                [str(RABBITMQ_SERVER)],
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_start(self) -> None:
        """Wait until it takes connections."""
        until(lambda: listens(self.port), START_SECONDS, "a RabbitMQ")

    def kill(self) -> None:
        """Kill it and all of its processes with SIGKILL."""
        if self._process:
            kill_all([self._process.pid, *descendants(self._process.pid)])
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Kill it, and end what it leaves behind."""
        self.kill()
        subprocess.run(["epmd", "-port", self._mapper_port, "-kill"], capture_output=True, check=False)
