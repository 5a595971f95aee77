"""Hints: payload-free Celery messages that say "rows wait". Losing one costs milliseconds, never a lead.

Publishing blocks, and hangs while a broker is frozen: it happens in a thread of its own, never on an event loop.
"""

import asyncio
import threading
from collections.abc import Callable

from celery import Celery

from shared import logging
from shared.metrics import HINTS

log = logging.get()

TASK = "leadhub.ingest"
QUEUE = "ingest"
EXPIRES = 30  # seconds; a hint older than that says nothing that the sweeper has not seen
OUTSTANDING = 0.02  # seconds after which an unanswered hint is taken for lost
UNHURRIED = 0.1  # the same where nobody waits for a verdict, so that none ends it earlier


def producer(broker_url: str) -> Celery:
    """A Celery application that only sends, with time-outs short enough to notice a frozen broker."""
    app = Celery("leadhub", broker=broker_url)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry=False,
        broker_connection_timeout=2,
        broker_transport_options={"socket_timeout": 2, "socket_connect_timeout": 2, "max_retries": 0},
        task_publish_retry=False,
        broker_pool_limit=1,
    )
    return app


def send(app: Celery) -> bool:
    """Publishes one hint now, in this thread; returns whether the broker took it."""
    try:
        app.send_task(TASK, queue=QUEUE, expires=EXPIRES, ignore_result=True, retry=False)
    except Exception as error:  # whatever a broker's client raises, a hint is never fatal
        HINTS.labels("failed").inc()
        log.warning("hint.failed", error=type(error).__name__)
        return False
    HINTS.labels("sent").inc()
    return True


def sender(broker_url: str) -> Callable[[], bool]:
    """What a Publisher calls: sends one hint to that broker."""
    app = producer(broker_url)
    return lambda: send(app)


class Publisher:
    """A thread that sends a hint whenever it is asked to; asking again while it sends is one more hint, not many."""

    def __init__(self, publish: Callable[[], bool]) -> None:
        self._publish = publish
        self._wanted = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        self._wanted.set()

    def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping:
                return
            self._publish()


class Hinter:
    """Decides when a gateway sends: at once when rows were committed and no hint of its own is outstanding.

    Outstanding ends with any verdict, or after 20 ms; after 100 ms where nobody waits for one. Rows committed
    meanwhile are remembered and hinted then: the worker may have looked just before they came.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._timer: asyncio.TimerHandle | None = None
        self._more = self._hurried = False

    def committed(self, *, hurried: bool) -> None:
        """Rows wait; `hurried`: somebody waits for their verdicts."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._more = True
            if hurried and self._timer.when() > loop.time() + OUTSTANDING:
                self._timer.cancel()
                self._timer = loop.call_later(OUTSTANDING, self.answered)
            self._hurried = self._hurried or hurried
            return
        self._more = self._hurried = False
        self._timer = loop.call_later(OUTSTANDING if hurried else UNHURRIED, self.answered)
        self._publisher.ask()

    def answered(self) -> None:
        """A verdict came, or the hint is taken for lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._more:
            self.committed(hurried=self._hurried)
