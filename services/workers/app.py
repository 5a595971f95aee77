"""The Celery application of the worker processes: `celery -A services.workers.app worker --pool=solo`."""

import warnings
from typing import Any

from celery import Celery, signals
from celery.exceptions import SecurityWarning
from celery.worker import state

from services.workers.runtime import Worker
from shared.intake import hints
from shared.platform.observability import logging, metrics_server
from shared.platform.observability.gc_tuning import freeze_startup_objects
from shared.platform.observability.process_observation import flush_observations, observe_process
from shared.platform.settings import Settings
from shared.platform.store_tls import broker_address

settings = Settings()
warnings.filterwarnings("ignore", category=SecurityWarning)  # running as root is safe: no message is unpickled

# Unacknowledged messages are not limited: they are hints, and handling one that finds nothing is cheap. With a limit of
# one, a worker can wait for ever. Redis: `QoS.ack` of kombu 5.7 raises while Redis is frozen, before it forgets the
# message. RabbitMQ: a message that arrives while another is handled is acknowledged in the event loop's next round, and
# until it has the acknowledgement the broker sends nothing that would start this round.
PREFETCH_MULTIPLIER = 0

broker = broker_address(settings.broker_url)
app = Celery("leadhub", broker=broker.url, include=["services.workers.tasks"])
app.conf.update(
    broker_use_ssl=broker.ssl,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue=hints.INGEST_HINT.queue,
    task_acks_late=False,  # a message is a hint: the work itself is in a row, and losing the hint costs milliseconds
    worker_prefetch_multiplier=PREFETCH_MULTIPLIER,
    worker_redirect_stdouts=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=2,
    broker_transport_options={
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 10,
        "socket_keepalive": True,
    },
)

process_worker: Worker | None = None


def get_worker() -> Worker:
    """Return this process's worker. It is created when the process starts to work, not at import."""
    global process_worker
    if process_worker is None:
        ingest = hints.HintSender(settings.broker_url)
        automate = hints.HintSender(settings.broker_url, hints.AUTOMATIONS_HINT)
        run_jobs = hints.HintSender(settings.broker_url, hints.JOBS_HINT)
        compare = hints.HintSender(settings.broker_url, hints.LIKENESS_HINT)
        process_worker = Worker(settings, ingest, automate, lambda: state.should_stop is not None, run_jobs, compare)
    return process_worker


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    """Set up logging instead of Celery: JSON lines on stderr."""
    logging.configure_logging("worker", settings.log_level)


@signals.worker_init.connect
def _start_worker(**_: Any) -> None:
    observe_process("worker", settings)  # Celery sets up the log only after this signal
    metrics_server.serve_metrics(settings.metrics_host, settings.metrics_port)
    get_worker().start()
    freeze_startup_objects()


@signals.worker_shutdown.connect
def _stop_worker(**_: Any) -> None:
    get_worker().stop()
    flush_observations()
