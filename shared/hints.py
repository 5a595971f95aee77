"""Hints: payload-free Celery messages that say "rows wait". Losing one costs milliseconds, never a lead.

Publishing blocks, and hangs while a broker is frozen: it happens in a thread of its own, never on an event loop.
"""

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from typing import NamedTuple

from celery import Celery
from kombu import Connection, Producer

from shared import logging
from shared.metrics import HINTS

log = logging.get()


class Hint(NamedTuple):
    """What a hint says: that rows wait for this task, whose workers listen to this queue."""

    task: str
    queue: str


INGEST = Hint("leadhub.ingest", "ingest")
AUTOMATIONS = Hint("leadhub.automate", "automations")
DELIVERIES = Hint("leadhub.deliver", "deliveries")

OUTSTANDING = 0.02  # seconds after which an unanswered hint is taken for lost
AWAKE = 0.008  # seconds after its verdict that a worker looks again by itself, as its gateways count on
UNHURRIED = 0.1  # the same where nobody waits for a verdict, so that none ends it earlier


def _application(broker_url: str) -> Celery:
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


class Sender:
    """Publishes hints, one at a call, in the calling thread.

    The message is Celery's own, made once: `send_task` makes it anew and asks four signals, for three times the price.
    It says when it was sent: those behind an old one say no more than it does (`services/workers/backlog.py`).
    """

    def __init__(self, broker_url: str, hint: Hint = INGEST) -> None:
        self._app = _application(broker_url)
        self._message = self._app.amqp.as_task_v2(uuid.uuid4().hex, hint.task)
        self._queue = self._app.amqp.queues[hint.queue]
        self._connection: Connection | None = None
        self._producer: Producer | None = None

    def __call__(self) -> bool:
        """Sends one hint; returns whether the broker took it."""
        known = self._producer is not None
        sent = self._try() or (known and self._try())  # a kept connection may be dead where a new one is not
        HINTS.labels("sent" if sent else "failed").inc()
        return sent

    def _try(self) -> bool:
        try:
            self._publish(self._producer or self._connect())
        except Exception as error:  # whatever a broker's client raises, a hint is never fatal
            log.warning("hint.failed", error=type(error).__name__)
            self._disconnect()
            return False
        return True

    def _publish(self, producer: Producer) -> None:
        id_ = uuid.uuid4().hex
        producer.publish(
            self._message.body,
            serializer="json",
            headers={**self._message.headers, "id": id_, "root_id": id_, "sent": time.time()},
            exchange=self._queue.exchange,
            routing_key=self._queue.routing_key,
            retry=False,
            **{**self._message.properties, "correlation_id": id_},
        )

    def _connect(self) -> Producer:
        self._connection = self._app.connection_for_write()
        self._producer = Producer(self._connection, auto_declare=False)
        self._queue.bind(self._connection.default_channel).declare()
        return self._producer

    def _disconnect(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.release()


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

    A verdict also says that its worker is awake and looks again for a moment: a hint for rows committed within it is
    held back, and sent only if the worker did not find them.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._timer: asyncio.TimerHandle | None = None
        self._more = self._hurried = False
        self._awake_until = 0.0

    def committed(self, *, hurried: bool) -> None:
        """Rows wait; `hurried`: somebody waits for their verdicts."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._more = True
            if hurried and self._timer.when() > loop.time() + OUTSTANDING:
                self._timer.cancel()
                self._timer = loop.call_later(OUTSTANDING, self._lost)
            self._hurried = self._hurried or hurried
            return
        self._more = self._hurried = False
        if hurried and loop.time() < self._awake_until:
            self._timer = loop.call_later(AWAKE, self._send, True)
        else:
            self._send(hurried)

    def answered(self) -> None:
        """A verdict came: a worker is awake."""
        self._awake_until = asyncio.get_running_loop().time() + AWAKE
        self._lost()

    def _send(self, hurried: bool) -> None:
        lost = OUTSTANDING if hurried else UNHURRIED
        self._timer = asyncio.get_running_loop().call_later(lost, self._lost)
        self._publisher.ask()

    def _lost(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._more:
            self.committed(hurried=self._hurried)
