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

from shared.platform.observability.error_reports import report_exception
from shared.platform.observability.tracing import trace_id_of

STDERR_DESCRIPTOR = 2
LEADING_FIELDS = ("timestamp", "level", "event")
LEVEL_NUMBERS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _render_json(event: dict[str, Any], **_: object) -> bytes:
    return orjson.dumps(event, default=repr)


def _add_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if event.pop("exc_info", None):
        event["exception"] = _exception_chain(sys.exc_info()[1])
        report_exception(event["event"], event["exception"], event)
    return event


def _add_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Name the trace of a submission that the line is about."""
    if (submission_id := event.get("submission_id")) and (trace_id := trace_id_of(str(submission_id))):
        event["trace_id"] = trace_id
    return event


def _exception_chain(error: BaseException | None) -> list[dict[str, Any]]:
    """Return type and place of an exception and its causes, without messages: a database's error quotes the row."""
    chain: list[dict[str, Any]] = []
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        chain.append({"type": type(error).__name__, "sqlstate": getattr(error, "sqlstate", None), "at": where})
        error = error.__cause__ or error.__context__
    return chain


def _order_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put time, level and event first, for people who read the lines."""
    return {**{name: event.pop(name, None) for name in LEADING_FIELDS}, **event}


def configure_logging(service: str, level: str = "info") -> None:
    """Set up structlog for the process. Each line contains the name of the service."""

    def stamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            stamp,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            _add_exception,
            _order_fields,
            structlog.processors.JSONRenderer(serializer=_render_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVEL_NUMBERS[level]),
        logger_factory=structlog.BytesLoggerFactory(file=cast(BinaryIO, _StderrWriter())),
        cache_logger_on_first_use=True,
    )
    stdlib.basicConfig(handlers=[_LibraryLogHandler()], level=max(LEVEL_NUMBERS[level], stdlib.WARNING), force=True)


def write_lines(lines: bytes) -> None:
    """Write whole lines. Lines that cannot be written are lost: a full disk must not stop the service."""
    with contextlib.suppress(OSError):
        os.write(STDERR_DESCRIPTOR, lines)


class _StderrWriter(io.RawIOBase):
    """The file that structlog writes to."""

    def write(self, line: Any, /) -> int:
        write_lines(line)
        return len(line)


class _LibraryLogHandler(stdlib.Handler):
    """Log the messages of libraries in the same format.

    The text is left out for aiohttp, which quotes requests that it could not parse, and for exceptions, since their
    messages may contain personal data.
    """

    def emit(self, record: stdlib.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        words = {} if error or record.name.startswith("aiohttp") else {"said": record.getMessage()}
        chain = _exception_chain(error)
        report_exception("library", chain, {})
        get_logger().log(record.levelno, "library", logger=record.name, exception=chain or None, **words)


def get_logger() -> Any:
    """Return a logger. It reads the configuration when it is first used, so that modules can get one at import."""
    return structlog.get_logger()
