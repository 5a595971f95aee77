"""The list of leads in an address: filters, order, places and columns, read and written again."""

from datetime import UTC, datetime, timedelta

import pytest

from services.console.jobs.lead_edit_words import tag_names
from services.console.leads.columns import DEFAULT_COLUMNS, offered_columns, shown_columns
from services.console.leads.query import (
    DEFAULT_SORT,
    api_filters,
    position_text,
    read_columns,
    read_filter_form,
    read_lead_query,
    read_position,
)
from shared.lead_list.sorts import LeadSort
from shared.platform.cursors import CursorPosition

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 9, 3, 7, tzinfo=UTC)


def test_filters_are_read_and_what_cannot_be_read_is_named() -> None:
    state = read_lead_query(
        {
            "status": "new",
            "stage_id": "x",
            "assigned_user_id": "me",
            "created_within": "week",
            "tag": "a" * 400,
            "q": "1",
        }
    )
    assert state.filters == {"status": "new", "assigned_user_id": "me", "created_within": "week"}
    assert set(state.unreadable) == {"stage_id", "tag"}
    assert api_filters(state.filters, 7, NOW) == {
        "status": "new",
        "assigned_user_id": 7,
        "created_after": datetime(2026, 11, 21, 9, 0, tzinfo=UTC),  # at a whole five minutes
    }
    assert api_filters({"created_within": "month", "created_after": "2026-11-27"}, 7, NOW) == {
        "created_after": datetime(2026, 11, 27, tzinfo=UTC)
    }


def test_who_may_not_see_persons_neither_searches_nor_sorts_by_them() -> None:
    state = read_lead_query({"search": "ada", "email": "a@b.example", "sort": "email"}, sees_persons=False)
    assert (state.filters, state.sort, state.unreadable) == ({}, DEFAULT_SORT, ("search", "email"))
    assert state.without("stage_id").unreadable == state.unreadable  # the board says so, too


def test_an_address_says_the_order_only_if_it_is_another() -> None:
    assert read_lead_query({"sort": "created_at", "direction": "desc"}).values == {}
    state = read_lead_query({"status": "lost", "sort": "lead_score", "direction": "asc"})
    assert read_lead_query(state.values) == state
    assert state.without("status").values == {"sort": "lead_score", "direction": "asc"}


@pytest.mark.parametrize(
    ("sort", "value"),
    [(DEFAULT_SORT, NOW + timedelta(microseconds=3)), (LeadSort("lead_score", descending=False), -4)],
)
def test_places_are_read_as_they_were_written(sort: LeadSort, value: object) -> None:
    place = CursorPosition(value, 12)
    assert read_position(sort, position_text(sort, place)) == place


def test_a_place_among_names_names_nobody() -> None:
    sort = LeadSort("email", descending=False)
    text = position_text(sort, CursorPosition(" ada@example.com", 12))
    assert text == ".12"
    assert read_position(sort, text) == CursorPosition(None, 12)
    for wrong in ("", "ada.12", ".x", ".-1", "1.12.", f".{2**63}"):
        assert read_position(sort, wrong) is None, wrong
    for wrong in ("x.1", f"{10**40}.1", "1"):
        assert read_position(DEFAULT_SORT, wrong) is None, wrong


def test_the_form_gives_local_times_as_utc() -> None:
    sent = {"set": "1", "status": "new", "source": " ", "created_from": "2026-11-28T10:00", "updated_to": "never"}
    assert read_filter_form(sent, UTC) == {"status": "new", "created_after": "2026-11-28T10:00:00Z"}


def test_columns_are_those_of_the_first_wish_that_names_any() -> None:
    assert shown_columns(read_columns("owner,nothing,owner,custom_fields.budget"), ("tags",)) == (
        "owner",
        "custom_fields.budget",
    )
    assert shown_columns((), None) == DEFAULT_COLUMNS
    offered = offered_columns(("owner",), ["budget"])
    assert (offered[0], offered[-1], len(offered)) == ("owner", "custom_fields.budget", len(set(offered)))


def test_tags_are_named_between_commas() -> None:
    assert tag_names(" vip ,a  b,, vip,\0") == ["vip", "a b"]
