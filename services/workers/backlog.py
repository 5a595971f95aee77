"""Hints that piled up, as while all workers were stopped, or where many are sent and each is heard between two turns of
automations. Whoever hears an old one drops all that wait behind it: they were sent after their rows were committed, and
who looks now sees these. Else a worker would hear of rows by hints that are ever older, and leave them to the sweeper.
"""

import time

from celery import Celery

from shared import logging

log = logging.get()

OLD = 2.0  # seconds that a hint was on its way; clocks of machines may differ by less
EVERY = 1.0  # seconds between two times that one queue is emptied: some hints may lie with this worker already

_emptied: dict[str, float] = {}


def drop_behind(app: Celery, queue: str, sent: float) -> None:
    """Empties the queue if the hint that came from it was sent long ago, in seconds of the epoch."""
    now = time.monotonic()
    if time.time() - sent < OLD or now - _emptied.get(queue, -EVERY) < EVERY:
        return
    _emptied[queue] = now
    try:
        with app.connection_for_write() as connection:
            dropped = app.amqp.queues[queue].bind(connection.default_channel).purge()
    except Exception as error:  # whatever a broker's client raises: the hints are heard one by one then
        log.warning("hints.kept", queue=queue, error=type(error).__name__)
    else:
        log.info("hints.dropped", queue=queue, hints=dropped)
