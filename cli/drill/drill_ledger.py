"""The drill's own ledger: each post, what its sender was told and when. Times are CLOCK_MONOTONIC, in seconds."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class PostRecord:
    """A post and its tries. `acknowledged_at` is None as long as no answer said yes.

    `other_ids` are ids that answers told for the same key beside `submission_id`: there must be none.
    """

    kind: str
    submission_id: str
    first_at: float
    acknowledged_at: float | None = None
    other_ids: set[str] = field(default_factory=set)

    @property
    def waited_seconds(self) -> float:
        """Seconds from the first try to the answer that said yes; 0 without one."""
        return 0.0 if self.acknowledged_at is None else self.acknowledged_at - self.first_at


class LostTry(NamedTuple):
    """A try that was not acknowledged: its time, and the status of the answer, or 0 if the connection broke."""

    at: float
    status: int


class DrillLedger:
    """All records of a drill. One thread writes it; another may read it meanwhile."""

    def __init__(self) -> None:
        self.records: list[PostRecord] = []
        self.lost_tries: list[LostTry] = []
        self.repeats = 0  # posts that were sent once more after their acknowledgement
        self.acknowledged = 0

    def open_record(self, kind: str, submission_id: str, now: float) -> PostRecord:
        """Enter a new post."""
        record = PostRecord(kind, submission_id, now)
        self.records.append(record)
        return record

    def acknowledge(self, record: PostRecord, told_id: str | None, now: float) -> None:
        """Enter an answer that said yes, with the id that it told; webhooks are told none."""
        if record.acknowledged_at is None:
            record.acknowledged_at = now
            self.acknowledged += 1
        if told_id not in (None, record.submission_id):
            record.other_ids.add(str(told_id))

    def note_lost_try(self, status: int, now: float) -> None:
        """Enter a try without an acknowledgement. The post is sent again."""
        self.lost_tries.append(LostTry(now, status))

    def records_between(self, start: float, end: float) -> Iterator[PostRecord]:
        """Yield the posts whose first try was in that time."""
        return (record for record in self.records if start <= record.first_at < end)

    def lost_tries_between(self, start: float, end: float) -> list[LostTry]:
        """Return the tries without an acknowledgement in that time."""
        return [each for each in self.lost_tries if start <= each.at < end]


def count_statuses(tries: Iterable[LostTry]) -> dict[int, int]:
    """Return how many tries ended with each status; 0 is a connection that broke."""
    return dict(sorted(Counter(each.status for each in tries).items()))
