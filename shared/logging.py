"""Structured logs: one JSON object a line on stderr, static event names, ids and figures only, never people."""

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
    """An exception's kind and place, never its message: a database's error quotes the row that it met."""
    chain: list[dict[str, Any]] = []
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"type": type(error).__name__, "sqlstate": getattr(error, "sqlstate", None), "at": where})
        error = error.__cause__ or error.__context__
    return chain


def _in_order(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Time, level and event first: what whoever reads a line with the eyes looks for."""
    return {**{name: event.pop(name, None) for name in FIRST}, **event}


def configure(service: str, level: str = "info") -> None:
    """Sets structlog up for the process; `service` names it on each line."""

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
    """Writes whole lines. They are lost while they cannot be written: a full disk must not end what they tell of."""
    with contextlib.suppress(OSError):
        os.write(STDERR, lines)


class _Lines(io.RawIOBase):
    """What structlog writes to."""

    def write(self, line: Any, /) -> int:
        put(line)
        return len(line)


class _Libraries(stdlib.Handler):
    """What libraries say, in our form. aiohttp quotes the request that it could not read, and who tells of an exception
    its message: these words are left out."""

    def emit(self, record: stdlib.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        words = {} if error or record.name.startswith("aiohttp") else {"said": record.getMessage()}
        get().log(record.levelno, "library", logger=record.name, exception=_chain(error) or None, **words)


def get() -> Any:
    """A logger. It reads its configuration at its first line, so that modules may ask for one at import."""
    return structlog.get_logger()
