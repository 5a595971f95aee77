"""What every process sets up to be observed: its log, its traces and its error reports."""

from shared import __version__
from shared.platform.crypto.encryption import read_first_key
from shared.platform.observability import error_reports, logging, tracing
from shared.platform.settings import Settings


def observe_process(service: str, settings: Settings) -> None:
    """Set up logs, and traces and error reports where the settings name their servers.

    Raises TracingUnavailable or ErrorReportsUnavailable if the extra for them is not installed.
    """
    logging.configure_logging(service, settings.log_level)
    tracing.configure_tracing(service, __version__, settings.otlp_url, settings.trace_ratio, read_first_key(settings))
    error_reports.configure_error_reports(service, __version__, settings.sentry_dsn.get_secret_value())


def flush_observations() -> None:
    """Send what is still held back, before the process ends. Blocks for at most some seconds."""
    if recorder := tracing.span_recorder():
        recorder.flush()
    error_reports.flush_error_reports()
