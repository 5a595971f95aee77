"""Whether workers take leads off the queue of likeness."""

from services.workers.likeness.queue_progress import QueueProgress
from services.workers.likeness.queue_rows import QueueHeads
from tests.unit.test_ingest_priority import Clock


def _heads(*rows: tuple[int, int, int]) -> QueueHeads:
    return QueueHeads(frozenset(rows), 3_600.0)


def test_idle_seconds_count_from_the_last_change_of_a_first_row() -> None:
    clock = Clock()
    progress = QueueProgress(clock)
    clock.now = 100.0
    assert progress.note(_heads((1, 7, 100))) == 0  # nothing waited before
    clock.now += 4
    assert progress.note(_heads((1, 7, 100))) == 4
    assert progress.note(_heads((1, 7, 100), (2, 9, 3))) == 4  # what comes is no progress
    assert progress.note(_heads((1, 7, 75), (2, 9, 3))) == 0  # part of a row was taken
    clock.now += 1
    assert progress.note(_heads((1, 7, 75))) == 0  # a workspace is done
    clock.now += 1
    progress.ignore_change(_heads((1, 8, 100)))
    assert progress.note(_heads((1, 8, 100))) == 1
    assert progress.note(_heads()) == 0
