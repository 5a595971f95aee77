"""The lines of log files, in the order of their times."""

import re
from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import NamedTuple

BLOCK = 64 * 1024  # bytes read at once from a file's end
OLDER = ".1"  # suffix of the file with the lines from before the last rotation
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
# Times of our services and `up`, of PostgreSQL, and of Valkey, which is configured for UTC.
ISO = re.compile(r'^(?:\{.*?"timestamp":")?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?')
VALKEY = re.compile(r"^\d+:\w (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d)(?:\.(\d+))?")


class Line(NamedTuple):
    """A log line. `at` is its time; a line without a time, such as one of a traceback, has that of the line before."""

    at: str
    service: str
    text: str


class LogFile:
    """A log file. It is read from its end first, and then as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.service = path.stem
        self._position = 0
        self._at = ""

    def tail(self, count: int) -> list[Line]:
        """Return the last lines, if need be from before the last rotation. `added` continues after them."""
        self._position = _complete(self.path)
        lines = _end_of(self.path, self._position, count).splitlines()
        older = self.path.with_name(self.path.name + OLDER)
        if len(lines) < count and older.exists():
            lines = [*_end_of(older, _complete(older), count - len(lines)).splitlines(), *lines]
        return self._dated(lines[-count:] if count else [])

    def added(self) -> list[Line]:
        """Return the complete lines that were added since the last call."""
        try:
            if self.path.stat().st_size < self._position:  # it was rotated
                self._position = 0
            with self.path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        data = data[: data.rfind(b"\n") + 1]
        self._position += len(data)
        return self._dated(data.splitlines())

    def _dated(self, lines: Iterable[bytes]) -> list[Line]:
        found = []
        for line in lines:
            text = line.decode(errors="backslashreplace")
            self._at = time_of(text) or self._at
            found.append(Line(self._at, self.service, text))
        return found


def in_order(files: Iterable[list[Line]]) -> Iterator[Line]:
    """Merge the lines of several files by time. The lines of each file keep their order."""
    return merge(*files, key=lambda line: line.at)


def time_of(text: str) -> str:
    """Return a line's time, such as `2026-03-28T09:30:00.123456`, or an empty text."""
    if found := ISO.match(text):
        day, time, fraction = found.groups()
    elif found := VALKEY.match(text):
        number, month, year, time, fraction = found.groups()
        day = f"{year}-{MONTHS.index(month) // 3 + 1:02}-{number}"
    else:
        return ""
    return f"{day}T{time}.{(fraction or '').ljust(6, '0')[:6]}"


def _end_of(path: Path, size: int, count: int) -> bytes:
    """Return the last lines of a file's first `size` bytes: at least `count` of them, or all."""
    with path.open("rb") as file:
        begin, data = size, b""
        while begin > 0 and data.count(b"\n") <= count:
            step = min(BLOCK, begin)
            begin -= step
            file.seek(begin)
            data = file.read(step) + data
    return data if begin == 0 else data.partition(b"\n")[2]


def _complete(path: Path) -> int:
    """Return the length of a file up to the end of its last complete line."""
    with path.open("rb") as file:
        begin = file.seek(0, 2)
        while begin > 0:
            step = min(BLOCK, begin)
            begin -= step
            file.seek(begin)
            if (at := file.read(step).rfind(b"\n")) >= 0:
                return begin + at + 1
    return 0
