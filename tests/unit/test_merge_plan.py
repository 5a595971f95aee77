"""What a merge makes of two leads, and what its undoing takes back."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.merging.merge_plan import CHOOSABLE_FIELDS, StoredChanges, plan_merge, plan_undo

LEAD: dict[str, Any] = {
    **dict.fromkeys(("first_name", "last_name", "email", "phone", "company", "job_title", "country", "source")),
    **dict.fromkeys(("pipeline_id", "pipeline_stage_id", "assigned_user_id", "notes")),
    **{"status": "new", "starred": False, "lead_score": 0, "custom_fields": {}, "tag_ids": []},
}
TEXTS = st.one_of(st.none(), st.sampled_from(["", " ", "a", "b"]))
PLACES = st.sampled_from([(None, None), (1, None), (1, 2), (3, 4)])


@st.composite
def leads(draw: st.DrawFn) -> dict[str, Any]:
    names = ("first_name", "last_name", "company", "job_title", "country", "source")
    lead = {**LEAD, **{name: draw(TEXTS) for name in names}, "notes": draw(st.sampled_from([None, "x", "y", "x\n\ny"]))}
    lead["phone"] = draw(st.sampled_from([None, "+14155550100", "call me"]))
    lead["pipeline_id"], lead["pipeline_stage_id"] = draw(PLACES)
    lead["assigned_user_id"] = draw(st.sampled_from([None, 1, 2]))
    lead["status"] = draw(st.sampled_from(["new", "lost"]))
    lead["custom_fields"] = draw(st.dictionaries(st.sampled_from("kl"), st.sampled_from([1, True, 1.0, "v"])))
    lead["tag_ids"] = draw(st.lists(st.integers(1, 4), unique=True))
    return lead


CHOICES = st.dictionaries(
    st.sampled_from([*CHOOSABLE_FIELDS, "custom_fields.k"]), st.sampled_from(["ours", "theirs"]), max_size=4
)


def merged(winner: dict[str, Any], loser: dict[str, Any], choices: Any = None) -> tuple[dict[str, Any], StoredChanges]:
    """The winner afterwards, and what the merge notes."""
    plan = plan_merge(winner, loser, choices or {})
    noted = StoredChanges(1, plan.changes, plan.gained_tags, plan.added_notes, loser["tag_ids"])
    return {**winner, **plan.changed}, noted


@given(leads(), leads(), CHOICES)
def test_an_undo_of_an_untouched_merge_gives_back_the_winner(
    winner: dict[str, Any], loser: dict[str, Any], choices: Any
) -> None:
    if plan_merge(winner, loser, choices).errors:
        return
    then, noted = merged(winner, loser, choices)
    plan = plan_undo(then, noted, [])
    assert plan.kept == {}
    assert {**then, **plan.changed} == winner


@given(leads(), leads(), leads())
def test_two_merges_come_apart_in_either_order(
    winner: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    one, noted = merged(winner, first)
    both, later = merged(one, second, {"company": "theirs"})
    later.id = 2
    after = copy.deepcopy(later)
    plan = plan_undo(both, noted, [after])
    left = {**both, **plan.changed}
    last = plan_undo(left, after, [])
    end = {**left, **last.changed}
    assert {name: value for name, value in end.items() if name not in ("notes", "tag_ids")} == {
        name: value for name, value in winner.items() if name not in ("notes", "tag_ids")
    }
    assert sorted(end["tag_ids"]) == sorted(winner["tag_ids"])


def test_an_edit_since_stays() -> None:
    winner, loser = {**LEAD, "first_name": "Ada"}, {**LEAD, "company": "Acme", "custom_fields": {"k": 1}, "notes": "n"}
    then, noted = merged(winner, loser)
    then |= {"company": "Globex", "custom_fields": {"k": 2, "l": 3}, "notes": "other"}
    plan = plan_undo(then, noted, [])
    assert plan.kept == dict.fromkeys(("company", "custom_fields.k", "notes"), "edited since")
    assert plan.changed == {}


@pytest.mark.parametrize(
    ("choices", "field"),
    [({"id": "theirs"}, "fields.id"), ({"custom_fields.x": "ours"}, "fields.custom_fields.x")],
)
def test_a_choice_that_is_none_is_told(choices: Any, field: str) -> None:
    assert plan_merge(LEAD, LEAD, choices).errors.keys() == {field}


def test_what_would_be_too_large_has_to_be_chosen() -> None:
    winner = {**LEAD, "notes": "a" * 60_000, "custom_fields": {"k": "v" * 200_000}, "tag_ids": list(range(600))}
    loser = {**LEAD, "notes": "b" * 60_000, "custom_fields": {"l": "v" * 200_000}, "tag_ids": list(range(500, 1100))}
    assert plan_merge(winner, loser, {}).errors.keys() == {"notes", "custom_fields", "tags"}
    chosen: Any = {"notes": "ours", "custom_fields": "theirs", "tags": "ours"}
    assert plan_merge(winner, loser, chosen).errors == {}
