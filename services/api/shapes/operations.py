"""How a workspace's work stands, as it is shown."""

from datetime import datetime
from typing import Literal

from typing_extensions import TypedDict


class LedgerRecord(TypedDict):
    """Submissions: accepted = done + pending + dead + quarantined + spooled, null where the spool does not answer."""

    accepted: int
    pending: int
    done: int
    dead: int
    quarantined: int
    spooled: int | None


class QueueRecord(TypedDict):
    """How much waits to be ingested, looked at by automations and webhooks, or sent."""

    name: Literal["ingest", "events", "deliveries"]
    waiting: int


class ProcessRecord(TypedDict):
    """A process that serves every workspace. One that is not alive has not reported for ten seconds."""

    name: str
    kind: str
    started_at: datetime
    seen_at: datetime
    is_alive: bool


class DeadLettersRecord(TypedDict):
    """What was given up, or is held back, until somebody sends it again."""

    submissions: int
    quarantined: int
    deliveries: int


class OperationsRecord(TypedDict):
    ledger: LedgerRecord
    oldest_waiting_s: float
    queues: list[QueueRecord]
    workers: list[ProcessRecord]
    dead_letters: DeadLettersRecord
