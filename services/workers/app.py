"""The Celery application of the worker processes: `celery -A services.workers.app worker --pool=solo`."""

import warnings
from typing import Any

from celery import Celery, signals
from celery.exceptions import SecurityWarning
from celery.worker import state

from services.workers.runtime import Worker
from shared import hints, logging, metrics_server
from shared.collector import settle
from shared.settings import Settings

settings = Settings()
warnings.filterwarnings("ignore", category=SecurityWarning)  # running as root is safe: no message is unpickled

# Unacknowledged messages are not limited: they are hints, and handling one that finds nothing is cheap. With a limit of
# one, a worker can wait for ever. Redis: `QoS.ack` of kombu 5.7 raises while Redis is frozen, before it forgets the
# message. RabbitMQ: a message that arrives while another is handled is acknowledged in the event loop's next round, and
# until it has the acknowledgement the broker sends nothing that would start this round.
PREFETCHED = 0

app = Celery("leadhub", broker=settings.broker_url, include=["services.workers.tasks"])
app.conf.update(
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue=hints.INGEST.queue,
    task_acks_late=False,  # a message is a hint: the work itself is in a row, and losing the hint costs milliseconds
    worker_prefetch_multiplier=PREFETCHED,
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

worker: Worker | None = None


def the_worker() -> Worker:
    """Return this process's worker. It is created when the process starts to work, not at import."""
    global worker
    if worker is None:
        ingest = hints.Sender(settings.broker_url)
        automate = hints.Sender(settings.broker_url, hints.AUTOMATIONS)
        worker = Worker(settings, ingest, automate, lambda: state.should_stop is not None)
    return worker


@signals.setup_logging.connect
def _log(**_: Any) -> None:
    """Set up logging instead of Celery: JSON lines on stderr."""
    logging.configure("worker", settings.log_level)


@signals.worker_init.connect
def _start(**_: Any) -> None:
    _log()  # Celery calls it only after this signal
    metrics_server.serve(settings.metrics_host, settings.metrics_port)
    the_worker().start()
    settle()


@signals.worker_shutdown.connect
def _stop(**_: Any) -> None:
    the_worker().stop()
