"""The rows that a gateway keeps in memory in case that a standby lacks them."""

import pytest

from services.gateway import recent_rows
from services.gateway.recent_rows import RecentRows
from shared.intake.journal import JournalItem, Lane, NewJournalRow

pytestmark = pytest.mark.unit


def make_row(body: bytes = b'{"email":"a@example.com"}', **more: object) -> NewJournalRow:
    item = JournalItem("01890000-0000-7000-8000-000000000001", 5, 7, "inbound", "web", body, **more)  # type: ignore[arg-type]
    return NewJournalRow.from_items(Lane.WAITED_FOR, [item], "gateway")


def test_rows_are_forgotten_by_the_age_of_the_newest() -> None:
    times = iter([0.0, 9.0, 10.5])
    kept = RecentRows(10.0, clock=lambda: next(times))
    first, second, third = make_row(), make_row(), make_row()
    for each in (first, second, third):
        kept.keep_row(each, "journal")
    assert kept.take_rows() == [second, third]
    assert kept.take_rows() == []


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_row(b'"' + b"x" * 1000 + b'"')
    monkeypatch.setattr(recent_rows, "MAX_KEPT_BYTES", 3 * len(row.document))
    kept = RecentRows(10.0, clock=lambda: 0.0)
    for _ in range(9):
        kept.keep_row(row, "journal")
    assert len(kept.take_rows()) == 3


def test_a_long_outage_takes_nothing_of_what_was_committed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, *(float(second) for second in range(1, 60)), 60.0])
    kept = RecentRows(10.0, clock=lambda: next(times))
    committed, spooled, later = make_row(b'"committed"'), make_row(b'"spooled"'), make_row(b'"later"')
    monkeypatch.setattr(recent_rows, "MAX_KEPT_BYTES", len(committed.document) + 5 * len(spooled.document))
    kept.keep_row(committed, "journal")
    for _ in range(59):
        kept.keep_row(spooled, "spool")
    assert kept.take_rows() == [committed, *[spooled] * 5]
    kept.keep_row(later, "journal")
    assert kept.take_rows() == [later]


def test_rows_of_the_spool_are_forgotten_once_commits_are_newer() -> None:
    times = iter([0.0, 1.0, 12.0])
    kept = RecentRows(10.0, clock=lambda: next(times))
    later = make_row(b'"later"')
    kept.keep_row(make_row(), "journal")
    kept.keep_row(make_row(), "spool")
    kept.keep_row(later, "journal")
    assert kept.take_rows() == [later]


def test_nothing_is_kept_for_no_seconds() -> None:
    kept = RecentRows(0)
    kept.keep_row(make_row(), "journal")
    assert kept.take_rows() == []


def test_items_of_a_row_are_those_that_it_was_made_of() -> None:
    row = make_row(key_id=3, body_hash="ab", reply=4)
    (item,) = row.read_items()
    again = NewJournalRow.from_items(Lane.WAITED_FOR, [item], "gateway")
    assert (again.document, again.accepted, again.ids) == (row.document, row.accepted, row.ids)
