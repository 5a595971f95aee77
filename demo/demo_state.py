"""What the demo keeps in its data dir: a file that marks the folder as its own, keys of sources, and its progress."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from shared.platform.data_dir import DataDir, free_port

WORKSPACE_SLUG, WORKSPACE_NAME = "nordlys", "Nordlys Trading"
RECEIVER_HOST = (
    "127.0.0.77"  # of its own: the address guard is opened for it alone, not for the machine's other services
)
SECRET_NAME, MARKER_NAME, READY_NAME = "demo", "demo.json", "demo-is-filled"
NUMBERS_RESERVED_AT_ONCE = 500


class NotDemoDir(ValueError):
    """The data dir was not made by the demo."""


@dataclass(frozen=True)
class DemoPlan:
    """What a data dir's demo was made with. The ports are those of its receivers."""

    seed: int
    leads: int
    http_port: int
    smtp_port: int

    @property
    def receiver_url(self) -> str:
        return f"http://{RECEIVER_HOST}:{self.http_port}"

    @property
    def smtp_url(self) -> str:
        return f"smtp://{RECEIVER_HOST}:{self.smtp_port}"


def open_plan(data_dir: Path, seed: int, leads: int) -> DemoPlan:
    """Return the plan of the data dir; a new or empty one gets one. Raises NotDemoDir for any other folder."""
    marker = data_dir / MARKER_NAME
    if marker.exists():
        return read_plan(data_dir)
    if data_dir.exists() and any(data_dir.iterdir()):
        raise NotDemoDir(f"{data_dir} holds something else: the demo fills no data dir that it did not make")
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = DemoPlan(seed, leads, free_port(RECEIVER_HOST), free_port(RECEIVER_HOST))
    marker.write_bytes(orjson.dumps(vars(plan)))
    return plan


def read_plan(data_dir: Path) -> DemoPlan:
    """Return the plan of a data dir of the demo."""
    return DemoPlan(**orjson.loads((data_dir / MARKER_NAME).read_bytes()))


def ready_file(data_dir: Path) -> Path:
    """Return the path of the file that exists once the workspace is filled, in this life of the demo."""
    return DataDir(data_dir).run_dir / READY_NAME


class DemoMemory:
    """Values that outlast a start, in one private file: API keys, and how far the demo got."""

    def __init__(self, data_dir: Path) -> None:
        self._home = DataDir(data_dir)
        has_some = self._home.has_secret(SECRET_NAME)
        self._values: dict[str, Any] = orjson.loads(self._home.get_or_create_secret(SECRET_NAME)) if has_some else {}

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def keep(self, name: str, value: Any) -> None:
        """Keep a value. It is on disk when this returns."""
        self._values[name] = value
        self._home.replace_secret(SECRET_NAME, orjson.dumps(self._values).decode())


class PersonNumbers:
    """Numbers of new people. None is used twice, also over a kill: they are reserved on disk a block at a time."""

    def __init__(self, memory: DemoMemory, start: int | None = None) -> None:
        self._memory = memory
        self.used = int(memory.get("next_person", 0)) if start is None else start
        self._reserved = self.used

    def take(self) -> int:
        """Return the next number."""
        if self.used >= self._reserved:
            self._reserved = self.used + NUMBERS_RESERVED_AT_ONCE
            self._memory.keep("next_person", self._reserved)
        self.used += 1
        return self.used - 1
