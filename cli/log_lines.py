"""The lines of log files, in the order of their times."""

import re
from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import NamedTuple

READ_BLOCK_BYTES = 64 * 1024  # bytes read at once from a file's end
ROTATED_SUFFIX = ".1"  # suffix of the file with the lines from before the last rotation
MONTH_ABBREVIATIONS = "JanFebMarAprMayJunJulAugSepOctNovDec"
# Times of our services and `up`, of PostgreSQL, and of Valkey, which is configured for UTC.
ISO_TIME_PATTERN = re.compile(r'^(?:\{.*?"timestamp":")?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?')
VALKEY_TIME_PATTERN = re.compile(r"^\d+:\w (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d)(?:\.(\d+))?")


class LogLine(NamedTuple):
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
        self._last_time = ""

    def read_tail(self, count: int) -> list[LogLine]:
        """Return the last lines, if need be from before the last rotation. Reading goes on after them."""
        self._position = _complete_length(self.path)
        lines = _read_end(self.path, self._position, count).splitlines()
        older = self.path.with_name(self.path.name + ROTATED_SUFFIX)
        if len(lines) < count and older.exists():
            lines = [*_read_end(older, _complete_length(older), count - len(lines)).splitlines(), *lines]
        return self._with_times(lines[-count:] if count else [])

    def read_added(self) -> list[LogLine]:
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
        return self._with_times(data.splitlines())

    def _with_times(self, lines: Iterable[bytes]) -> list[LogLine]:
        log_lines = []
        for line in lines:
            text = line.decode(errors="backslashreplace")
            self._last_time = line_time(text) or self._last_time
            log_lines.append(LogLine(self._last_time, self.service, text))
        return log_lines


def merge_by_time(files: Iterable[list[LogLine]]) -> Iterator[LogLine]:
    """Merge the lines of several files by time. The lines of each file keep their order."""
    return merge(*files, key=lambda line: line.at)


def line_time(text: str) -> str:
    """Return a line's time, such as `2026-03-28T09:30:00.123456`, or an empty text."""
    if match := ISO_TIME_PATTERN.match(text):
        day, time, fraction = match.groups()
    elif match := VALKEY_TIME_PATTERN.match(text):
        number, month, year, time, fraction = match.groups()
        day = f"{year}-{MONTH_ABBREVIATIONS.index(month) // 3 + 1:02}-{number}"
    else:
        return ""
    return f"{day}T{time}.{(fraction or '').ljust(6, '0')[:6]}"


def _read_end(path: Path, size: int, count: int) -> bytes:
    """Return the last lines of a file's first `size` bytes: at least `count` of them, or all."""
    with path.open("rb") as file:
        begin, data = size, b""
        while begin > 0 and data.count(b"\n") <= count:
            step = min(READ_BLOCK_BYTES, begin)
            begin -= step
            file.seek(begin)
            data = file.read(step) + data
    return data if begin == 0 else data.partition(b"\n")[2]


def _complete_length(path: Path) -> int:
    """Return the length of a file up to the end of its last complete line."""
    with path.open("rb") as file:
        begin = file.seek(0, 2)
        while begin > 0:
            step = min(READ_BLOCK_BYTES, begin)
            begin -= step
            file.seek(begin)
            if (at := file.read(step).rfind(b"\n")) >= 0:
                return begin + at + 1
    return 0
