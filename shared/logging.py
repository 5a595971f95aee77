"""Structured logs: one JSON object per line on stderr, with static event names, ids and figures, no personal data."""

import contextlib
import io
import logging as stdlib
import os
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, BinaryIO, cast

import orjson
import structlog

STDERR = 2
FIRST = ("timestamp", "level", "event")
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _json(event: dict[str, Any], **_: object) -> bytes:
    return orjson.dumps(event, default=repr)


def _where_it_failed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if event.pop("exc_info", None):
        event["exception"] = _chain(sys.exc_info()[1])
    return event


def _chain(error: BaseException | None) -> list[dict[str, Any]]:
    """Return type and place of an exception and its causes, without messages: a database's error quotes the row."""
    chain: list[dict[str, Any]] = []
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"type": type(error).__name__, "sqlstate": getattr(error, "sqlstate", None), "at": where})
        error = error.__cause__ or error.__context__
    return chain


def _in_order(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put time, level and event first, for people who read the lines."""
    return {**{name: event.pop(name, None) for name in FIRST}, **event}


def configure(service: str, level: str = "info") -> None:
    """Set up structlog for the process. Each line contains the name of the service."""

    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            stamp,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _where_it_failed,
            _in_order,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(file=cast(BinaryIO, _Lines())),
        cache_logger_on_first_use=True,
    )
    stdlib.basicConfig(handlers=[_Libraries()], level=max(LEVELS[level], stdlib.WARNING), force=True)


def put(lines: bytes) -> None:
    """Write whole lines. Lines that cannot be written are lost: a full disk must not stop the service."""
    with contextlib.suppress(OSError):
        os.write(STDERR, lines)


class _Lines(io.RawIOBase):
    """The file that structlog writes to."""

    def write(self, line: Any, /) -> int:
        put(line)
        return len(line)


class _Libraries(stdlib.Handler):
    """Log the messages of libraries in the same format.

    The text is left out for aiohttp, which quotes requests that it could not parse, and for exceptions, since their
    messages may contain personal data.
    """

    def emit(self, record: stdlib.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        words = {} if error or record.name.startswith("aiohttp") else {"said": record.getMessage()}
        get().log(record.levelno, "library", logger=record.name, exception=_chain(error) or None, **words)


def get() -> Any:
    """Return a logger. It reads the configuration when it is first used, so that modules can get one at import."""
    return structlog.get_logger()
