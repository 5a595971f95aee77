"""Certificates of drills: their files in the data dir, and their text."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.drill.certificate_text import EXACT_VERDICT, INEXACT_VERDICT, certificate_text
from shared.operations.drill_certificates import (
    MAX_KEPT_CERTIFICATES,
    DrillCertificate,
    read_certificates,
    save_certificate,
)
from tests.support.drill_samples import sample_certificate

pytestmark = pytest.mark.unit
FIRST_TIME = datetime(2026, 12, 2, 10, tzinfo=UTC)


def at(minutes: int) -> DrillCertificate:
    return sample_certificate(FIRST_TIME + timedelta(minutes=minutes))


def test_newest_certificates_are_kept_and_come_first(tmp_path: Path) -> None:
    for minutes in range(MAX_KEPT_CERTIFICATES + 5):
        save_certificate(tmp_path, at(minutes))
    kept = read_certificates(tmp_path)
    assert len(list((tmp_path / "drills").iterdir())) == len(kept) == MAX_KEPT_CERTIFICATES
    assert (kept[0], kept[-1]) == (at(MAX_KEPT_CERTIFICATES + 4), at(5))


def test_a_file_that_is_no_certificate_is_left_out(tmp_path: Path) -> None:
    assert read_certificates(tmp_path) == []
    path = save_certificate(tmp_path, at(0))
    path.with_name("2027.json").write_text('{"made_at": "yesterday"}')
    path.with_name("2028.json").write_bytes(b"\xff")
    assert read_certificates(tmp_path) == [at(0)]


def test_text_says_what_was_counted_and_how_to_repeat_it() -> None:
    text = certificate_text(at(0))
    assert text.startswith("# Drill of 2026-12-02 10:00 UTC")
    assert EXACT_VERDICT in text
    assert "Accepted 3,600, lost 0, doubled 0, refused 2, longest wait 3.40 s." in text
    assert "| kill -9 database | 1 | 540 | 2 | 1 | 3.40 s | 3.60 s | 0.2 s |" in text
    assert "    ./leadhub drill --minutes 3 --rate 20" in text
    assert INEXACT_VERDICT in certificate_text(at(0).model_copy(update={"is_exact": False}))


def test_text_names_the_part_that_stayed_away() -> None:
    away = at(0).faults[0].model_copy(update={"is_back": False, "back_after": None, "note": "it did not come back"})
    text = certificate_text(at(0).model_copy(update={"is_exact": False, "faults": [away]}))
    assert f"**{INEXACT_VERDICT}** kill -9 database: it did not come back. Accepted 3,600" in text
