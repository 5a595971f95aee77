"""Jobs and their items as handlers get them, and what a handler returns."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from shared.platform.db.connections import Connection


class ClaimedJob(NamedTuple):
    """A job whose row is locked by this transaction."""

    workspace_id: int
    id: int
    kind: str
    rate: int | None
    position: int
    total: int
    changes: list[Any] | None
    with_automations: bool
    reason: str | None
    created_by: dict[str, Any]
    filter: dict[str, Any]


class ClaimedItem(NamedTuple):
    """An item of a job, by its number within the job."""

    id: int
    submission_id: uuid.UUID
    received_at: datetime
    delivery_id: int
    lead_id: int
    effect: dict[str, Any] | None


class ItemOutcome(NamedTuple):
    """The outcome of an item; `error` says why it failed or was skipped, `effect` what an edit changed."""

    id: int
    outcome: Literal["done", "failed", "skipped"]
    error: str | None = None
    effect: dict[str, Any] | None = None


ItemHandler = Callable[[Connection, ClaimedJob, Sequence[ClaimedItem]], Awaitable[list[ItemOutcome]]]
