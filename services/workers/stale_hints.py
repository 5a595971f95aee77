"""Purge hints that have piled up.

Hints pile up while all workers are stopped, or when more are sent than workers handle between two turns of automations.
A worker that receives an old hint drops all hints behind it in the queue. Their rows are committed already, so the
worker sees these rows when it looks now. Without the purge, hints would arrive later and later, and the sweeper would
do the work.
"""

import time

from celery import Celery

from shared.platform.observability import logging

log = logging.get_logger()

STALE_AFTER_SECONDS = 2.0  # seconds after which a hint is old; the machines' clocks must differ by less
PURGE_INTERVAL_SECONDS = 1.0  # seconds between two purges of a queue: this worker may have prefetched some old hints

_last_purges: dict[str, float] = {}


def purge_stale_hints(app: Celery, queue: str, sent_at: float) -> None:
    """Purge the queue if the hint received from it is old. `sent_at` is in seconds since the epoch."""
    now = time.monotonic()
    if (
        time.time() - sent_at < STALE_AFTER_SECONDS
        or now - _last_purges.get(queue, -PURGE_INTERVAL_SECONDS) < PURGE_INTERVAL_SECONDS
    ):
        return
    _last_purges[queue] = now
    try:
        with app.connection_for_write() as connection:
            dropped = app.amqp.queues[queue].bind(connection.default_channel).purge()
    except Exception as error:  # a broker's client may raise anything; the hints are then handled one by one
        log.warning("hints.kept", queue=queue, error=type(error).__name__)
    else:
        log.info("hints.dropped", queue=queue, hints=dropped)
