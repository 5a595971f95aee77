"""Hints: Celery messages without payload that tell a worker that rows wait. A lost hint costs milliseconds, not a lead.

Publishing blocks, and hangs while the broker is frozen. It therefore happens in its own thread, never on an event loop.
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

from shared.platform.observability import logging
from shared.platform.observability.metrics import PUBLISHED_HINTS
from shared.platform.store_tls import broker_address, explain_tls_failure

log = logging.get_logger()


class Hint(NamedTuple):
    """A kind of hint: the task that rows wait for, and the queue of the workers that run it."""

    task: str
    queue: str


INGEST_HINT = Hint("leadhub.ingest", "ingest")
AUTOMATIONS_HINT = Hint("leadhub.automate", "automations")
DELIVERIES_HINT = Hint("leadhub.deliver", "deliveries")
JOBS_HINT = Hint("leadhub.jobs", "bulk")
LIKENESS_HINT = Hint("leadhub.likeness", "bulk")
FETCHES_HINT = Hint("leadhub.fetch", "deliveries")  # as for deliveries, servers of others are asked

HINT_TIMEOUT_SECONDS = 0.02  # seconds after which an unanswered hint counts as lost
WORKER_AWAKE_SECONDS = (
    0.008  # seconds after a verdict in which gateways rely on its worker to look again without a hint
)
UNWAITED_HINT_TIMEOUT_SECONDS = (
    0.1  # seconds after which a hint counts as lost if no caller waits, so that no verdict ends it earlier
)


def _celery_application(broker_url: str) -> Celery:
    """Return a Celery application that only sends, with timeouts short enough to notice a frozen broker."""
    address = broker_address(broker_url)
    app = Celery("leadhub", broker=address.url)
    app.conf.update(
        broker_use_ssl=address.ssl,
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


class HintSender:
    """Publish one hint per call, in the calling thread.

    The message is Celery's own and is built once: `send_task` builds it for every call and runs four signals, which
    takes three times as long. The message contains the time of sending, so that a worker can skip hints queued behind
    an old one.
    """

    def __init__(self, broker_url: str, hint: Hint = INGEST_HINT) -> None:
        self._broker_url = broker_url
        self._app = _celery_application(broker_url)
        self._message = self._app.amqp.as_task_v2(uuid.uuid4().hex, hint.task)
        self._queue = self._app.amqp.queues[hint.queue]
        self._connection: Connection | None = None
        self._producer: Producer | None = None

    def __call__(self) -> bool:
        """Send one hint. Return whether the broker accepted it."""
        known = self._producer is not None
        sent = self._try_publish() or (known and self._try_publish())  # an open connection may be dead; try a new one
        PUBLISHED_HINTS.labels("sent" if sent else "failed").inc()
        return sent

    def _try_publish(self) -> bool:
        try:
            self._publish_message(self._producer or self._open_producer())
        except Exception as error:  # a failed hint is never fatal, and brokers' clients raise errors of many types
            why = explain_tls_failure(self._broker_url, error)
            log.warning("hint.failed", error=type(error).__name__, **({"why": why} if why else {}))
            self._release_connection()
            return False
        return True

    def _publish_message(self, producer: Producer) -> None:
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

    def _open_producer(self) -> Producer:
        self._connection = self._app.connection_for_write()
        self._producer = Producer(self._connection, auto_declare=False)
        self._queue.bind(self._connection.default_channel).declare()
        return self._producer

    def _release_connection(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.release()


class HintPublisher:
    """A thread that sends a hint on request. Requests made while it sends are merged into one more hint."""

    def __init__(self, publish: Callable[[], bool]) -> None:
        self._send_hint = publish
        self._hint_requested = threading.Event()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
        self._thread.start()

    def request_hint(self) -> None:
        self._hint_requested.set()

    def stop(self) -> None:
        self._is_stopping = True
        self._hint_requested.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        while True:
            self._hint_requested.wait()
            self._hint_requested.clear()
            if self._is_stopping:
                return
            self._send_hint()


class HintThrottle:
    """Decide when a gateway sends a hint: at once when rows are committed and none of its hints is outstanding.

    A hint is outstanding until any verdict arrives, or for 20 ms (100 ms if no caller waits for a verdict). Rows
    committed meanwhile are hinted at the end of that time, because the worker may have looked just before they came.

    A verdict also shows that its worker is awake and looks again for a moment. A hint for rows committed in that moment
    is held back, and sent only if the worker did not find them.
    """

    def __init__(self, publisher: HintPublisher) -> None:
        self._publisher = publisher
        self._timer: asyncio.TimerHandle | None = None
        self._has_more_rows = self._more_has_waiters = False
        self._awake_until = 0.0

    def note_commit(self, *, has_waiters: bool) -> None:
        """Note that rows were committed; `has_waiters`: callers wait for their verdicts."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._has_more_rows = True
            if has_waiters and self._timer.when() > loop.time() + HINT_TIMEOUT_SECONDS:
                self._timer.cancel()
                self._timer = loop.call_later(HINT_TIMEOUT_SECONDS, self._end_outstanding)
            self._more_has_waiters = self._more_has_waiters or has_waiters
            return
        self._has_more_rows = self._more_has_waiters = False
        if has_waiters and loop.time() < self._awake_until:
            self._timer = loop.call_later(WORKER_AWAKE_SECONDS, self._send_hint, True)
        else:
            self._send_hint(has_waiters)

    def note_verdict(self) -> None:
        """Note that a verdict arrived, so that a worker is awake."""
        self._awake_until = asyncio.get_running_loop().time() + WORKER_AWAKE_SECONDS
        self._end_outstanding()

    def _send_hint(self, has_waiters: bool) -> None:
        lost = HINT_TIMEOUT_SECONDS if has_waiters else UNWAITED_HINT_TIMEOUT_SECONDS
        self._timer = asyncio.get_running_loop().call_later(lost, self._end_outstanding)
        self._publisher.request_hint()

    def _end_outstanding(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._has_more_rows:
            self.note_commit(has_waiters=self._more_has_waiters)
