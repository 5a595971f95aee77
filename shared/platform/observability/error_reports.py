"""Reports of exceptions to Sentry, or to a server that speaks its language, where `LEADHUB_SENTRY_DSN` names one.

A report has the exception's type, the places in the code, and the ids of the log line. It has no message, since a
database's error quotes the row, no local variable and no request.

`sentry-sdk` is an extra (`requirements-sentry.lock`), imported only where a server is named.
"""

from collections.abc import Mapping, Sequence
from typing import Any

MISSING_LIBRARY_MESSAGE = (
    "LEADHUB_SENTRY_DSN needs sentry-sdk. Install it: .venv/bin/python -m pip install -r requirements-sentry.lock "
    "(or: uv pip install -r requirements-sentry.lock)."
)
INVALID_DSN_MESSAGE = "LEADHUB_SENTRY_DSN is no DSN, such as https://KEY@sentry.example.com/1."
FLUSH_SECONDS = 2
# Fields of a log line that hold no personal data.
REPORTED_ID_FIELDS = frozenset(
    "workspace_id key_id submission_id lead_id delivery_id event_id run_id job_id import_id request_id trace_id "
    "route method lane".split()
)


class ErrorReportsUnavailable(RuntimeError):
    """A server for reports is named, but the library is not installed, or the DSN cannot be read."""


_sdk: Any = None  # the module, in a process that reports


def configure_error_reports(service: str, version: str, dsn: str) -> None:
    """Report exceptions of this process to the server of `dsn`; none without one. Raises ErrorReportsUnavailable."""
    global _sdk
    _sdk = None
    if not dsn:
        return
    try:
        import sentry_sdk
        from sentry_sdk.utils import BadDsn
    except ImportError as error:
        raise ErrorReportsUnavailable(MISSING_LIBRARY_MESSAGE) from error
    try:
        sentry_sdk.init(
            dsn,
            release=f"leadhub@{version}",
            server_name=service,
            default_integrations=False,  # they would read requests, arguments and log records
            auto_enabling_integrations=False,
            include_local_variables=False,
            include_source_context=False,
            max_breadcrumbs=0,
            auto_session_tracking=False,
        )
    except BadDsn:  # not chained: its message may quote the key
        raise ErrorReportsUnavailable(INVALID_DSN_MESSAGE) from None
    sentry_sdk.set_tag("service", service)
    _sdk = sentry_sdk


def report_exception(name: str, chain: Sequence[Mapping[str, Any]], fields: Mapping[str, Any]) -> None:
    """Report the exceptions of a log line `name`, outermost first, as `logging` describes them. Never blocks."""
    if _sdk is None or not chain:
        return
    _sdk.capture_event(
        {
            "level": "error",
            "logger": name,
            "tags": {key: str(value) for key, value in fields.items() if key in REPORTED_ID_FIELDS},
            "exception": {"values": [_reported_exception(error) for error in reversed(chain)]},
        }
    )


def _reported_exception(error: Mapping[str, Any]) -> dict[str, Any]:
    sqlstate = error.get("sqlstate")
    return {
        "type": error["type"],
        "value": f"SQLSTATE {sqlstate}" if sqlstate else "",
        "stacktrace": {"frames": [_reported_frame(place) for place in error["at"]]},
    }


def _reported_frame(place: str) -> dict[str, Any]:
    """Return the frame of a place, which reads `file.py:12 function`."""
    where, _, function = place.partition(" ")
    file, _, line = where.rpartition(":")
    return {"filename": file, "lineno": int(line) if line.isdigit() else None, "function": function}


def flush_error_reports() -> None:
    """Send reports that are held back. Blocks for at most 2 seconds."""
    if _sdk is not None:
        _sdk.flush(FLUSH_SECONDS)
