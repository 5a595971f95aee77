"""How a workspace's work stands, as it is shown."""

from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict


class LedgerRecord(TypedDict):
    """Submissions: accepted = done + pending + dead + quarantined + spooled. `spooled` is null if the spool is down."""

    accepted: int
    pending: int
    done: int
    dead: int
    quarantined: int
    spooled: int | None


class QueueRecord(TypedDict):
    """How much waits to be ingested, to be processed by automations and webhooks, or to be sent."""

    name: Literal["ingest", "events", "deliveries"]
    waiting: int


class ProcessRecord(TypedDict):
    """A process, which serves all workspaces. It is not alive if it has not reported for ten seconds."""

    name: str
    kind: str
    started_at: datetime
    seen_at: datetime
    is_alive: bool


class DeadLettersRecord(TypedDict):
    """What failed for good or is held back, until somebody processes it again."""

    submissions: int
    quarantined: int
    deliveries: int


class OperationsRecord(TypedDict):
    ledger: LedgerRecord
    oldest_waiting_s: float
    queues: list[QueueRecord]
    workers: list[ProcessRecord]
    dead_letters: DeadLettersRecord
