"""What is kept of each request: its time, counted by route and status, and its line, one JSON object.

Both are gathered and written a few times a second. To count in a file that processes share costs 1.7 µs, and a line of
structlog's 7; the fields and the format are the same. The last are written at the end of the process.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import hdrs

from shared import logging
from shared.keys import Key
from shared.metrics import REQUEST_SECONDS, Gathered

GATHER = 0.2  # seconds
MOST = 256  # lines
# Of method, route and status: more than ordinary use has. A process's file has room for as many (`shared.pooling`), and
# to show them takes time.
MOST_SERIES = 256
OTHER = "other"


class AccessLog:
    """The requests of one process. `service` is what its other log lines say; without `lines` they are only counted."""

    def __init__(self, service: str, *, lines: bool) -> None:
        self._service = service
        self._has_lines = lines
        self._lines: list[bytes] = []
        self._gathered: dict[tuple[str, str, int], Gathered] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, method: str, route: str, status: int, seconds: float, key: Key | None, notes: dict[str, Any]) -> None:
        """Takes a request that was answered. `notes` are its id and what else its line shall say."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self.write)
        gathered = self._gathered.get((method, route, status)) or self._series(method, route, status)
        gathered.observe(seconds)
        if self._has_lines:
            self._note(method, route, status, seconds, key, notes)

    def _note(
        self, method: str, route: str, status: int, seconds: float, key: Key | None, notes: dict[str, Any]
    ) -> None:
        line = {
            "timestamp": datetime.now(UTC),
            "level": "info",
            "event": "request",
            "service": self._service,
            **notes,
            "method": method,
            "route": route,
            "status": status,
            "ms": int(seconds * 100_000) / 100,
            "workspace_id": key and key.workspace_id,
            "key_id": key and key.id,
        }
        self._lines.append(orjson.dumps(line, option=orjson.OPT_UTC_Z))
        if len(self._lines) >= MOST:
            self.write()

    def write(self) -> None:
        """Writes what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for gathered in self._gathered.values():
            gathered.hand_over()
        if self._lines:
            lines, self._lines = [*self._lines, b""], []
            logging.put(b"\n".join(lines))

    def _series(self, method: str, route: str, status: int) -> Gathered:
        """That of a request whose like was not seen before. Beyond the bound requests differ by status alone."""
        if method not in hdrs.METH_ALL:
            method = OTHER
        if len(self._gathered) >= MOST_SERIES:
            method = route = OTHER
        labels = method, route, status
        if labels not in self._gathered:
            self._gathered[labels] = Gathered(REQUEST_SECONDS.labels(*labels))
        return self._gathered[labels]
