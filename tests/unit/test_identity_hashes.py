"""Keyed hashes of identities, lines of the log of erasures, and quotations that are replaced."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.leads.placement import WorkspaceSettings
from shared.people.erasure_log import LoggedErasure, read_log, update_log
from shared.people.erasures import without_quotations
from shared.people.identity_hashes import PersonMatcher, hash_identities, identities_of_body, new_hash_key
from shared.people.person_scope import PersonScope

SETTINGS = WorkspaceSettings(1, "GB", False, "fill_empty", None, None)
MOMENTS = st.integers(1_600_000_000, 2_200_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ERASURES = st.builds(
    LoggedErasure,
    workspace_id=st.integers(1, 2**40),
    id=st.uuids(),
    lead_id=st.integers(1, 2**40),
    lead_ids=st.lists(st.integers(1, 2**40), max_size=3),
    lead_times=st.lists(st.none() | MOMENTS, max_size=3),
    submission_ids=st.lists(st.uuids(), max_size=3),
    identity_hashes=st.lists(st.binary(min_size=16, max_size=16), max_size=3),
    hash_key=st.binary(max_size=40),
    reason=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
    requested_by=st.just({"kind": "api", "id": 7}),
    removed=st.just({"leads": 1}),
    erased_at=MOMENTS,
)


@given(ERASURES)
def test_a_line_of_the_log_is_read_as_it_was_written(erasure: LoggedErasure) -> None:
    assert LoggedErasure.from_line(erasure.to_line()) == erasure


def test_the_log_forgets_nothing(tmp_path: Path) -> None:
    blank = LoggedErasure(1, uuid.uuid4(), 7, [7], [None], [], [], b"", None, {}, {}, datetime(2026, 1, 1, tzinfo=UTC))
    other = blank._replace(id=uuid.uuid4())
    assert read_log(tmp_path) == []
    assert update_log(tmp_path, [blank])
    assert update_log(tmp_path, [other])
    assert not update_log(tmp_path, [])
    assert {each.id for each in read_log(tmp_path)} == {blank.id, other.id}
    renewed = blank._replace(hash_key=b"anew")
    assert update_log(tmp_path, [renewed])
    assert renewed in read_log(tmp_path)
    with (tmp_path / "erasures.jsonl").open("ab") as file:
        file.write(b'{"cut')
    assert len(read_log(tmp_path)) == 2


@given(st.sets(st.tuples(st.sampled_from(("email", "phone")), st.text(max_size=20)), max_size=5))
def test_a_person_is_known_by_any_identity_and_only_under_the_key(identities: set[tuple[str, str]]) -> None:
    key = new_hash_key()
    hashes = frozenset(hash_identities(key, identities))
    assert all(PersonMatcher(key, hashes).matches([one]) for one in identities)
    assert not PersonMatcher(new_hash_key(), hashes).matches(identities)
    assert not PersonMatcher(key, hashes).matches([("external", "somebody else")])


def test_identities_of_a_body_are_those_that_ingest_finds() -> None:
    body = {"email": " Ada@Example.COM ", "phone": "020 7946 0018", "_source": {"external_id": "telegram:7"}}
    found = {("email", "ada@example.com"), ("phone", "+442079460018"), ("external", "telegram:7")}
    assert identities_of_body(body, SETTINGS) == found
    odd_bodies: list[Any] = [None, [], "text", {"email": 7}, {"email": ["x"], "tags": 3}, {"phone": {}}]
    for odd in odd_bodies:
        assert identities_of_body(odd, SETTINGS) == set()


def test_quotations_are_replaced_in_any_case() -> None:
    needles = ["ada@example.com", "Ada Lovelace (Byron)"]
    text = "ADA LOVELACE (byron) wrote from ada@example.com, case 7"
    assert without_quotations(text, needles) == "[erased] wrote from [erased], case 7"
    assert without_quotations(None, needles) is None


def test_texts_that_read_like_an_address_are_looked_for() -> None:
    given = ["eve at example.com", "x(at)host.example", "ada@example", "walter at nowhere", "unknown", "to be asked"]
    assert set(PersonScope(1, [1], exists=True, given_emails=given).needles) == set(given[:4])
