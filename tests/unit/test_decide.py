"""The sequence of decisions that ingest and dry runs share, without a database."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from shared.leads.decide import FoundLeads, decide_submissions
from shared.leads.deduplication import resolve_submissions
from shared.leads.placement import Board, BoardStage, WorkspaceSettings
from shared.leads.submission import AcceptedSubmission, IdentityKey, LeadState, TagIds, TagKey

pytestmark = pytest.mark.unit

NEW_ID = 70
BEFORE = {1: WorkspaceSettings(1, "AT", False, "fill_empty", 10, 100)}
AFTER = {1: WorkspaceSettings(1, "AT", False, "fill_empty", 20, 200)}


class FakeLookups:
    """Lookups in memory, which record the order of their calls."""

    def __init__(self, owners: Mapping[IdentityKey, int], states: dict[int, LeadState]) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._owners = owners
        self._states = states

    async def load_contact_settings(self, workspace_ids: Collection[int]) -> Mapping[int, WorkspaceSettings]:
        self.calls.append(("load_norms", list(workspace_ids)))
        return BEFORE

    async def find_leads(
        self, submissions: Sequence[AcceptedSubmission], names: Mapping[int, Collection[str]]
    ) -> FoundLeads:
        self.calls.append(("find_leads", {id_: set(sent) for id_, sent in names.items()}))
        return FoundLeads(AFTER, resolve_submissions(submissions, self._owners, [NEW_ID, NEW_ID + 1]), self._states)

    async def load_board(self, workspace_ids: Collection[int]) -> Board:
        self.calls.append(("load_places", list(workspace_ids)))
        return Board({(1, 100): BoardStage(10, None)}, {(1, 10): 100}, set())

    async def tag_ids(self, names: Collection[TagKey]) -> TagIds:
        self.calls.append(("tag_ids", set(names)))
        return {name: number for number, name in enumerate(sorted(names), 1)}


def submission(**body: Any) -> AcceptedSubmission:
    return AcceptedSubmission("id", 1_000, 1, "inbound", None, None, body, None, "", 0, 0)


async def test_each_lookup_is_asked_once_and_in_order() -> None:
    lookups = FakeLookups({}, {})
    sent = [submission(email="a@example.com", tags=["x", "y"]), submission(email="b@example.com", pipeline_id=10)]
    await decide_submissions(sent, lookups)
    assert lookups.calls == [
        ("load_norms", [1]),
        ("find_leads", {1: {"x", "y"}}),
        ("load_places", [1]),
        ("tag_ids", {(1, "x"), (1, "y")}),
    ]


async def test_a_new_lead_is_placed_by_the_settings_as_of_its_claim() -> None:
    one = submission(email="A@example.com", phone="0664 1234567", tags=["x"])
    decision = await decide_submissions([one], FakeLookups({}, {}))
    lead = decision.written.created[NEW_ID]
    assert one.keys == [(1, "email", "a@example.com"), (1, "phone", "+436641234567")]
    assert (lead["pipeline_id"], lead["pipeline_stage_id"]) == (20, 200)
    assert lead["tag_ids"] == [decision.tags[1, "x"]]
    assert not decision.found.resolution.matched_kinds[0]


async def test_a_duplicate_changes_the_state_of_its_lead() -> None:
    blank = dict.fromkeys("first_name last_name phone company job_title country notes".split())
    known = {
        "workspace_id": 1,
        "id": 5,
        "email": "a@example.com",
        "custom_fields": {},
        "tag_ids": [],
        "submitted_at": 0,
    }
    state: LeadState = {**blank, **known}
    lookups = FakeLookups({(1, "email", "a@example.com"): 5}, {5: state})
    decision = await decide_submissions([submission(email="a@example.com", company="ACME")], lookups)
    assert decision.written.created == {}
    assert decision.written.updated == {5: state}
    assert state["company"] == "ACME"


async def test_deciding_again_starts_from_nothing() -> None:
    one = submission(email="a@example.com", status="odd", tags=["x"])
    await decide_submissions([one], FakeLookups({}, {}))
    first = (dict(one.fields), list(one.tags), list(one.keys), list(one.warnings))
    await decide_submissions([one], FakeLookups({}, {}))
    assert (one.fields, one.tags, one.keys, one.warnings) == first
